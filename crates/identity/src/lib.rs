//! The rules of auth-service: accounts, sign-ins, logins, tokens, OAuth clients, revocations. No I/O and no framework.

pub mod account;
pub mod audit;
pub mod authentication;
pub mod error;
pub mod id;
pub mod key;
pub mod login;
pub mod oauth;
pub mod revocation;
pub mod service;
pub mod store;
pub mod token;
