//! The formats of what a browser holds: CSRF tokens, authentications in progress, DBSC challenges and proofs, and the MAC of the latter.

pub mod acknowledgement;
pub mod attempt_cookie;
pub mod csrf_token;
pub mod dbsc;
pub mod mac;
