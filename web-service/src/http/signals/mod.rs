//! Security events for receivers: a transmitter of the OpenID Shared Signals Framework 1.0 (SSF), whose events are polled (RFC 8936).
//!
//! A receiver is an OAuth client with an access token of its own, and has one stream.

pub(in crate::http) mod configuration;
pub(in crate::http) mod metadata;
mod paths;
pub(in crate::http) mod poll;
pub(in crate::http) mod status;
pub(in crate::http) mod stream;
pub(in crate::http) mod verification;

pub use self::poll::EventPolls;
