//! What is true: accounts, logins, tokens and the rules between them. No I/O and no framework.

pub mod access_token;
pub mod accounts;
pub mod audit;
pub mod authority;
pub mod client;
pub mod clients;
pub mod credential;
pub mod dpop;
pub mod error;
pub mod guessable;
pub mod id;
pub mod login;
pub mod password;
pub mod ports;
pub mod revocation;
pub mod revoked_set;
pub mod scope;
pub mod signing_key;
pub mod throttle;
pub mod user;
pub mod username;
