//! Form tokens and the seal of session records.

pub mod form_token;
pub mod session_seal;
