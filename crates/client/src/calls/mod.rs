//! The calls of [`AuthClient`](crate::AuthClient), by subject: the types of each and their form in the contract.

pub(crate) mod account;
pub(crate) mod applications;
pub(crate) mod authentication;
pub(crate) mod authorization;
pub(crate) mod device;
pub(crate) mod factors;
pub(crate) mod introspect;
pub(crate) mod jwks;
pub(crate) mod login;
pub(crate) mod logins;
pub(crate) mod oauth_client;
pub(crate) mod passkeys;
pub(crate) mod registration;
pub(crate) mod revoke;
pub(crate) mod signals;
pub(crate) mod token;
pub(crate) mod trusted_browsers;
pub(crate) mod validate;
pub(crate) mod watch_revocations;
