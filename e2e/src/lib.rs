//! Support for end-to-end tests: starts the programs on real ports, and real clients for them.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on should stop"
)]

pub mod admin;
pub mod authenticator;
pub mod balancer;
pub mod browser;
pub mod clock;
pub mod collector;
pub mod compose;
pub mod dashboard;
pub mod documents;
pub mod events;
pub mod flood;
pub mod frames;
pub mod history;
pub mod instructions;
pub mod logout_receiver;
pub mod packages;
pub mod pair;
pub mod port;
pub mod postgres;
pub mod process;
pub mod program;
pub mod prometheus;
pub mod redis;
pub mod redis_group;
pub mod relying_party;
pub mod shell;
pub mod site;
pub mod tls;
pub mod wait;
