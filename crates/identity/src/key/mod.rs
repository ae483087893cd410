//! Signing keys: as stored and published, their schedule, and the ports for both.

mod ports;
mod schedule;
mod signing_key;

pub use self::{
    ports::{KeyRotation, PublishedKeys},
    schedule::{PUBLICATION_LEAD_TIME, expired_keys, is_rotation_due, signing_key_index},
    signing_key::{Algorithm, PublicKey, StoredSigningKey},
};
