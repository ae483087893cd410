//! TLS certificates, keys and certificate authorities in PEM files, which are reloaded when they change. Their expiry is logged in advance.

mod expiry;
mod files;
mod material;
mod validity;
mod watch;

pub use self::{
    expiry::{Expiry, ExpiryNotice, register as register_metrics},
    files::{IdentityFiles, PemFile, TlsFiles},
    material::{Authorities, Identity, TlsMaterial, has_system_roots},
    watch::TlsWatch,
};
