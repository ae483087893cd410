//! Whether a request to an application may pass, and on whose behalf: the rules behind the check that a reverse proxy makes.

pub mod access_request;
pub mod decision;
pub mod policy;
pub mod response;
