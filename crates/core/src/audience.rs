//! Audiences of access tokens that both services know.

/// `aud` of access tokens that relying parties get without a `resource`: the `UserInfo` endpoint (OpenID Connect Core 1.0 §5.3), and nothing
/// else. An application that a person has signed in to must not act as that person elsewhere (RFC 9700 §2.3).
pub const USERINFO: &str = "urn:holdfast:userinfo";
