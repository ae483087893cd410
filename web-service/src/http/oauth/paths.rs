//! The paths of the endpoints, as the metadata and redirects name them. The [route table](crate::http::routes::ROUTES) contains each.

/// The authorization endpoint (RFC 6749 §3.1).
pub(in crate::http) const AUTHORIZE: &str = "/oauth2/authorize";
/// Where an authorization request is continued after a sign-in.
pub(in crate::http) const CONTINUE: &str = "/oauth2/authorize/continue";
/// The end session endpoint (OpenID Connect RP-Initiated Logout 1.0 §2).
pub(in crate::http) const LOGOUT: &str = "/oauth2/logout";
/// Where the form of its page is sent.
pub(in crate::http) const LOGOUT_CONFIRM: &str = "/oauth2/logout/confirm";
/// The pushed authorization request endpoint (RFC 9126 §2).
pub(in crate::http) const PUSH: &str = "/oauth2/par";
/// The token endpoint (RFC 6749 §3.2).
pub(in crate::http) const TOKEN: &str = "/oauth2/token";
/// The introspection endpoint (RFC 7662 §2).
pub(in crate::http) const INTROSPECT: &str = "/oauth2/introspect";
/// The revocation endpoint (RFC 7009 §2).
pub(in crate::http) const REVOKE: &str = "/oauth2/revoke";
/// The `UserInfo` endpoint (OpenID Connect Core 1.0 §5.3).
pub(in crate::http) const USERINFO: &str = "/oauth2/userinfo";
/// The client registration endpoint (RFC 7591 §3).
pub(in crate::http) const REGISTER: &str = "/oauth2/register";
/// The public keys (RFC 7517).
pub(in crate::http) const JWKS: &str = "/.well-known/jwks.json";

/// All of them.
#[cfg(test)]
pub(in crate::http) const ALL: [&str; 11] = [
    AUTHORIZE,
    CONTINUE,
    LOGOUT,
    LOGOUT_CONFIRM,
    PUSH,
    TOKEN,
    INTROSPECT,
    REVOKE,
    USERINFO,
    REGISTER,
    JWKS,
];
