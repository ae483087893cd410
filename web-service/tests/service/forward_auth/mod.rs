//! `GET /auth/verify`.

mod original_request;
