//! Hostile input: requests, calls, heads, frames, redirects and pages.
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
