//! Signing keys: as stored and published, their schedule, and the ports for both.

mod algorithms;
mod ports;
mod retention;
mod schedule;
mod signing_key;

pub use self::{
    algorithms::KeyAlgorithms,
    ports::{KeyRotation, PublishedKeys},
    retention::KeyRetention,
    schedule::{
        PUBLICATION_LEAD_TIME, access_token_key_index, id_token_key_index, is_rotation_due,
        newest_start,
    },
    signing_key::{Algorithm, PublicKey, StoredSigningKey},
};
