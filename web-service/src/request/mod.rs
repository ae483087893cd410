//! What a request says, as plain values: who sent it, what it presents, and where it may be redirected.

pub mod cookie_names;
pub mod cookies;
pub mod device_proof;
pub mod dpop;
pub mod fetch_metadata;
pub mod forwarded;
pub mod headers;
pub mod local_path;
pub mod next_query;
pub mod probe;
pub mod redirect_origins;
pub mod source;
pub mod trusted_proxies;
pub mod websocket;
