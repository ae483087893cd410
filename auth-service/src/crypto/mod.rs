//! Argon2id, access tokens and sealed keys, behind the domain's ports.

pub mod argon2id;
pub mod credential;
pub mod jwt;
pub mod key_ring;
pub mod seal;
pub mod signing_key;
