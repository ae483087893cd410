//! The rules of auth-service: accounts, authentication, logins, tokens, OAuth clients, revocations. No I/O and no framework.
//!
//! Each subject is a module with its types, its ports (traits that other crates implement) and, where it has operations, one
//! service: [`Accounts`](account::Accounts), [`AuthenticationService`](authentication::AuthenticationService),
//! [`LoginService`](login::LoginService), [`TokenService`](token::TokenService), [`OauthClients`](oauth::OauthClients).
//! [`IdentityServices`](services::IdentityServices) creates those that share [`Dependencies`](dependencies::Dependencies) and
//! [`Policy`](policy::Policy).

pub mod account;
pub mod audit;
pub mod authentication;
pub mod call_context;
pub mod dependencies;
pub mod error;
pub mod id;
pub mod issuer;
pub mod key;
pub mod leeway;
pub mod login;
pub mod oauth;
pub mod observer;
pub mod policy;
pub mod revocation;
pub mod services;
pub mod signals;
pub mod store;
pub mod token;
