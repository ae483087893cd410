//! Events for applications: the stream of revocations, and who receives events.

mod receivers;
pub(in crate::http) mod revocations;
mod slots;
mod stream;

pub(in crate::http) use self::receivers::Receiver;
pub use self::{receivers::Receivers, stream::EventStreams};
