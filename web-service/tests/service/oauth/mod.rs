//! The routes under `/oauth2`.

mod introspect;
