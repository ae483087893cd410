//! Implementations of the ports of `holdfast-identity`: Argon2id, access tokens and other JWTs, refresh tokens, `DPoP` proofs, client
//! authentication, sealed keys and keyed hashes.

pub mod argon2id;
pub mod attempt;
pub mod authorization;
pub mod client_authentication;
pub mod dpop;
mod hash;
mod id_token;
pub mod jws;
pub mod jwt;
pub mod key_ring;
pub mod keyed_hash;
mod logout_token;
pub mod passkeys;
pub mod random;
pub mod refresh_token;
mod rsa_key;
pub mod seal;
mod sealed_handle;
mod security_event_token;
pub mod signing_key;
mod strict_json;
pub mod subject_ids;
pub mod thread_priority;
pub mod totp;
pub mod verifying_key;
