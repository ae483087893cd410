//! The formats of what a browser holds: CSRF tokens, DBSC challenges and proofs.

pub mod csrf_token;
pub mod dbsc;
