//! Form tokens, behind the domain's port.

pub mod form_token;
