//! What a request says, as plain values: where it comes from, where it may lead, what its cookies are called.

pub mod cookie_names;
pub mod fetch_metadata;
pub mod forwarded;
pub mod local_path;
pub mod redirect_origins;
pub mod trusted_proxies;
