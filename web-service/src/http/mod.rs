//! The HTTPS port: every route, what guards it, and what it answers.

mod api;
mod client;
mod cookies;
mod form;
mod headers;
mod origin;
mod pages;
mod router;
mod serve;
mod signed_in;
pub mod state;

pub use serve::serve;
