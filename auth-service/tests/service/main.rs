//! auth-service as its clients see it: a real service on a real port, with a clock that the test moves.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod audit;
mod change_password;
mod dpop;
mod grpc_port;
mod issue_token;
mod issuer;
mod login;
mod logins;
mod oauth_clients;
mod rate_limit;
mod reauthenticate;
mod revoke_token;
mod service_identity;
mod signing_keys;
mod steady_clock;
mod support;
mod tls;
mod users;
mod validate_token;
mod watch_revocations;
