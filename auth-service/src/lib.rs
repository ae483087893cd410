//! The service that knows who people are: accounts, passwords, signing keys, logins. It alone signs and verifies access tokens.

pub mod app;
pub mod cli;
pub mod config;
pub mod grpc;
pub mod revocation_feed;
pub mod storage;
