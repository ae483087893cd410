//! Routes below `/oauth2`.

mod authorize;
mod code;
mod consent;
mod cors;
mod documents;
mod introspect;
mod logout;
mod metadata;
mod push;
mod register;
mod steps;
mod userinfo;
