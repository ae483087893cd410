//! Streams of events for applications.

pub(in crate::http) mod revocations;
mod slots;
mod stream;

pub use self::stream::EventStreams;
