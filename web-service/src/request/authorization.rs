//! The access token in `Authorization`.

pub use holdfast_client::authorization_header::*;
