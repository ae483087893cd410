//! TLS certificates, keys and authorities in PEM files: read, watched for changes, and their end announced.

mod expiry;
mod files;
mod material;
mod validity;
mod watch;

pub use self::{
    files::{IdentityFiles, PemFile, TlsFiles},
    material::{Authorities, Identity, TlsMaterial},
    watch::TlsWatch,
};
