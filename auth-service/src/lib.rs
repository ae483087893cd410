//! auth-service: accounts, passwords, signing keys and logins over gRPC. It alone signs access tokens and validates them against
//! revocations.

pub mod app;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod grpc;
pub mod outbound;
pub mod revocation_feed;
pub mod storage;
