//! JSON for programs.

pub(super) mod bearer;
pub(super) mod json;
pub(super) mod jwks;
pub(super) mod login;
pub(super) mod logout;
pub(super) mod problem;
pub(super) mod profile;
pub(super) mod refresh;
pub(super) mod session;
mod tokens;
