//! Extractors: what handlers take from a request, and what is answered where it is not there.

pub(super) mod access_token;
pub(super) mod caller;
pub(super) mod client;
pub(super) mod form;
pub(super) mod json;
pub(super) mod peer;
pub(super) mod session;
