//! What comes from people who mean no good.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop, and this one tells what it measured"
)]

mod calls;
mod connections;
mod heads;
mod origins;
mod redirects;
mod requests;
mod seed;
