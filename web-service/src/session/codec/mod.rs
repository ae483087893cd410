//! The formats of what a browser holds: CSRF tokens, DBSC challenges and proofs, and the MAC of the latter.

pub mod csrf_token;
pub mod dbsc;
pub mod mac;
