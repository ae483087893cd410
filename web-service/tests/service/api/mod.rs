//! The routes under `/api`, and what is published for programs.

mod jwks;
mod login;
mod openapi;
mod profile;
mod session;
