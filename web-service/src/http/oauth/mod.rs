//! The endpoints of OAuth 2.0 (RFC 6749, 7009, 7662, 8414).

mod client;
pub(super) mod error;
pub(super) mod form;
pub(super) mod introspect;
pub(super) mod metadata;
pub(super) mod revoke;
pub(super) mod token;
