//! Form tokens, behind the domain's port.

pub mod device_proofs;
pub mod form_token;
