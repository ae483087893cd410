//! The endpoints of OAuth 2.0 and OpenID Connect for programs (RFC 6749, 7009, 7662, 8414, 9126). Those for people are
//! [pages](crate::http::pages::authorize).

mod client;
pub(super) mod error;
pub(super) mod form;
pub(super) mod introspect;
pub(super) mod metadata;
pub(super) mod paths;
pub(super) mod push;
pub(super) mod register;
pub(super) mod revoke;
pub(super) mod token;
pub(super) mod userinfo;
