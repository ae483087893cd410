//! Form tokens, behind the domain's port.

pub mod device_proofs;
pub mod fingerprint;
pub mod form_token;
