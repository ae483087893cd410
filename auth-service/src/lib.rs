//! The service that knows who people are: accounts, passwords, signing keys, logins. It alone signs and judges access
//! tokens.

pub mod app;
pub mod cli;
pub mod config;
pub mod crypto;
pub mod domain;
pub mod feed;
pub mod grpc;
pub mod storage;
