//! auth-service as its clients see it: a real service on a real port, with a clock that the test moves.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod account;
mod admin;
mod audit;
mod clients;
mod clock;
mod dpop;
mod identity;
mod issue_token;
mod issuer;
mod keys;
mod login;
mod logins;
mod port;
mod revoke_token;
mod step_up;
mod support;
mod throttle;
mod tls;
mod validate_token;
mod watch;
