//! Signing keys: as stored and published, their schedule, and the ports for both.

mod ports;
mod schedule;
mod signing_key;

pub use self::{
    ports::{KeyRotation, PublishedKeys},
    schedule::{
        PUBLICATION_LEAD_TIME, access_token_key_index, expired_keys, id_token_key_index,
        is_rotation_due, newest_start,
    },
    signing_key::{Algorithm, PublicKey, StoredSigningKey},
};
