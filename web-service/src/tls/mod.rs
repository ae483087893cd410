//! The certificate that HTTPS is served with.

pub mod certificate;
pub mod local_authority;
pub mod renewal;
