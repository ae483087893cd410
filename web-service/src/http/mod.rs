//! The HTTPS port: every route, what guards it, and what it answers.

mod api;
mod body;
pub(crate) mod client;
mod content_type;
mod cookies;
mod device;
mod dpop;
mod failure;
mod form;
mod front;
mod guard;
mod head;
mod head_timer;
mod headers;
mod language;
mod next;
mod oauth;
mod origin;
mod pages;
mod request_id;
mod router;
mod serve;
#[cfg(test)]
mod serve_tests;
mod signed_in;
pub mod state;
mod threads;
mod time;
pub(crate) mod verify;

pub use cookies::session_id;
pub use guard::PLACES;
pub use serve::{Port, serve};
