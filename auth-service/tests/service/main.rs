//! auth-service through its port, as its clients use it, with a clock that the test controls. Paths follow RPCs: `revoke_token.rs`
//! is about `RevokeToken`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod audit;
mod authentication;
mod authorization;
mod backchannel_logout;
mod change_password;
mod dpop;
mod get_account;
mod grants;
mod grpc_port;
mod instances;
mod issue_token;
mod issuer;
mod login;
mod logins;
mod oauth_clients;
mod passkeys;
mod rate_limit;
mod reauthenticate;
mod reauthentication_steps;
mod revoke_token;
mod second_factor;
mod service_identity;
mod sign_in_form;
mod signals;
mod signing_keys;
mod signing_keys_algorithms;
mod steady_clock;
mod support;
mod tls;
mod users;
mod validate_token;
mod watch_revocations;
