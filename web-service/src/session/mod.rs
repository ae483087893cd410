//! Browser sessions: the rules, the formats of what the browser holds, and the stores.

pub mod authenticator;
pub mod browser_session;
pub mod codec;
pub mod csrf_token;
pub mod device_binding;
pub mod records;
pub mod session_id;
pub mod session_request;
pub mod sessions;
pub mod sign_in;
pub mod sign_out;
pub mod store;
pub mod trusted_browser;
pub mod unavailable;
pub mod user_agent;
