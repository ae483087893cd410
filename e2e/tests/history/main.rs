//! Histories of clients while parts of an installation fail: several instances of both services on PostgreSQL with a standby, and on Redis
//! with Sentinels. A checker finds what must not be in a history.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop; the figures are its output"
)]

mod asynchronous;
mod backchannel;
mod fault;
mod faults;
mod injection;
mod latency;
mod network;
mod stack;
