//! Routes below `/oauth2`.

mod introspect;
