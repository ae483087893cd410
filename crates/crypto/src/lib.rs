//! Argon2id, access tokens, sealed keys and names that tell nothing, behind the domain's ports.

pub mod argon2id;
pub mod blinding;
pub mod client_proof;
pub mod credential;
pub mod dpop;
mod hash;
pub mod jwt;
pub mod key_ring;
pub mod seal;
pub mod signing_key;
