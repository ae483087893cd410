//! What is true about browser sessions and the people behind them. No I/O and no framework.

pub mod auth;
pub mod bindings;
pub mod cookie_names;
pub mod device;
pub mod form_token;
pub mod forwarded;
pub mod gate;
pub mod judge;
pub mod local_path;
pub mod provenance;
pub mod return_origins;
pub mod revocations;
pub mod session;
pub mod session_id;
pub mod sessions;
pub mod sign_in;
pub mod sign_out;
pub mod trusted_proxies;
pub mod user_agent;
