//! Access tokens: what they say and when they are valid (RFC 9068, RFC 8725).

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    account::Username,
    id::{Jti, Sid, UserId},
    oauth::Thumbprint,
    token::Scopes,
};

/// How far clocks may differ.
pub const LEEWAY: Duration = Duration::from_secs(30);

/// The client that sign-ins with a password act as.
pub const FIRST_PARTY_CLIENT: &str = "first-party";

/// Who a token of a person is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// `sub`.
    pub subject: UserId,
    /// `sid`.
    pub sid: Sid,
    /// `preferred_username`.
    pub username: Username,
    /// `auth_time`, in whole seconds.
    pub authenticated_at: OffsetDateTime,
}

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// `iss`.
    pub issuer: String,
    /// The person whom it is about; `None`: the client itself, which is then `sub`, too.
    pub person: Option<Person>,
    /// `aud`.
    pub audience: String,
    /// `client_id`.
    pub client_id: String,
    /// `jti`.
    pub jti: Jti,
    /// `scope`.
    pub scopes: Scopes,
    /// `iat`, in whole seconds.
    pub issued_at: OffsetDateTime,
    /// `exp`, in whole seconds.
    pub expires_at: OffsetDateTime,
    /// `cnf.jkt`: the key that it is bound to; `None`: whoever bears it may use it.
    pub key: Option<Thumbprint>,
}

/// Why an access token is not valid.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenError {
    /// It is not one that this issuer could have made.
    #[error("the access token is malformed")]
    Malformed,
    /// No key of this issuer made its signature.
    #[error("the access token's signature is not valid")]
    BadSignature,
    /// It names another issuer.
    #[error("the access token is from another issuer")]
    WrongIssuer,
    /// It is meant for somebody else.
    #[error("the access token is for another audience")]
    WrongAudience,
    /// It was issued in the future.
    #[error("the access token is not valid yet")]
    NotYetValid,
    /// It is past its time.
    #[error("the access token has expired")]
    Expired,
    /// It was revoked by itself.
    #[error("the access token was revoked")]
    Revoked,
    /// Its login ended.
    #[error("the login has ended")]
    LoginEnded,
    /// It was presented with a proof of a key, and is bound to none.
    #[error("the access token is bound to no key; present it as Bearer")]
    NotBound,
}

/// What a valid token must say.
#[derive(Clone, Debug)]
pub struct Expectation<'a> {
    /// Its issuer.
    pub issuer: &'a str,
    /// Its audience.
    pub audience: &'a str,
    /// The longest lifetime that this issuer gives.
    pub max_lifetime: Duration,
}

impl Claims {
    /// `sub`.
    #[must_use]
    pub fn subject(&self) -> String {
        let person = self.person.as_ref();
        person.map_or_else(
            || self.client_id.clone(),
            |person| person.subject.to_string(),
        )
    }

    /// Checks what can be told from the token and the clock alone.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, expected: &Expectation<'_>, now: OffsetDateTime) -> Result<(), TokenError> {
        if !is_spelling_of(expected.issuer, &self.issuer) {
            return Err(TokenError::WrongIssuer);
        }
        let is_for_issuer = || {
            expected.audience == expected.issuer && is_spelling_of(expected.issuer, &self.audience)
        };
        if self.audience != expected.audience && !is_for_issuer() {
            return Err(TokenError::WrongAudience);
        }
        let lifetime = self.expires_at - self.issued_at;
        if !lifetime.is_positive() {
            return Err(TokenError::Malformed);
        }
        // It was issued under a longer setting.
        if lifetime > expected.max_lifetime {
            return Err(TokenError::Expired);
        }
        if self.issued_at > now + LEEWAY {
            return Err(TokenError::NotYetValid);
        }
        if now >= self.expires_at + LEEWAY {
            return Err(TokenError::Expired);
        }
        Ok(())
    }
}

/// Whether a name is the issuer, which is an origin in its normal form, in one of the spellings that mean the same: in capitals, with
/// its scheme's port, with a slash at the end.
#[must_use]
pub fn is_spelling_of(issuer: &str, name: &str) -> bool {
    let Some((start, end)) = name.split_at_checked(issuer.len()) else {
        return false;
    };
    let end = end.strip_suffix('/').unwrap_or(end);
    let has_port = issuer.matches(':').count() > 1;
    let is_default_port = match end {
        "" => true,
        ":443" => !has_port && issuer.starts_with("https:"),
        ":80" => !has_port && issuer.starts_with("http:"),
        _ => false,
    };
    is_default_port && start.eq_ignore_ascii_case(issuer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUED: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
    const LIFETIME: Duration = Duration::from_mins(15);

    fn claims() -> Claims {
        Claims {
            issuer: "https://id.example".into(),
            person: None,
            audience: "https://api.example".into(),
            client_id: FIRST_PARTY_CLIENT.into(),
            jti: Jti::from_bytes([3; 16]),
            scopes: Scopes::default(),
            issued_at: ISSUED,
            expires_at: ISSUED + LIFETIME,
            key: None,
        }
    }

    const fn expectation() -> Expectation<'static> {
        Expectation {
            issuer: "https://id.example",
            audience: "https://api.example",
            max_lifetime: LIFETIME,
        }
    }

    fn check(claims: &Claims, now: OffsetDateTime) -> Result<(), TokenError> {
        claims.check(&expectation(), now)
    }

    #[test]
    fn times_hold_within_the_leeway() {
        let end = ISSUED + LIFETIME + LEEWAY;
        let tick = Duration::from_millis(1);
        assert_eq!(check(&claims(), ISSUED), Ok(()));
        assert_eq!(check(&claims(), ISSUED - LEEWAY), Ok(()));
        assert_eq!(
            check(&claims(), ISSUED - LEEWAY - tick),
            Err(TokenError::NotYetValid)
        );
        assert_eq!(check(&claims(), end - tick), Ok(()));
        assert_eq!(check(&claims(), end), Err(TokenError::Expired));
    }

    #[test]
    fn issuer_and_audience_must_be_the_expected_ones() {
        let mut foreign = claims();
        foreign.issuer = "https://id.example.evil".into();
        assert_eq!(check(&foreign, ISSUED), Err(TokenError::WrongIssuer));

        // Earlier versions took the setting as it was written.
        let mut earlier = claims();
        earlier.issuer = "https://ID.example:443/".into();
        assert_eq!(check(&earlier, ISSUED), Ok(()));
        earlier.audience = earlier.issuer.clone();
        assert_eq!(check(&earlier, ISSUED), Err(TokenError::WrongAudience));
        let for_issuer = Expectation {
            audience: "https://id.example",
            ..expectation()
        };
        assert_eq!(earlier.check(&for_issuer, ISSUED), Ok(()));

        let mut elsewhere = claims();
        elsewhere.audience = "https://api.example.org".into();
        assert_eq!(check(&elsewhere, ISSUED), Err(TokenError::WrongAudience));
    }

    #[test]
    fn no_token_lives_longer_than_configured() {
        let mut long = claims();
        long.expires_at += Duration::from_secs(1);
        assert_eq!(check(&long, ISSUED), Err(TokenError::Expired));

        let mut backwards = claims();
        backwards.expires_at = ISSUED;
        assert_eq!(check(&backwards, ISSUED), Err(TokenError::Malformed));
    }

    #[test]
    fn spellings_of_an_issuer_mean_the_same_origin() {
        for (issuer, name, is_same) in [
            ("https://id.example", "https://id.example", true),
            ("https://id.example", "https://id.example/", true),
            ("https://id.example", "HTTPS://ID.example:443", true),
            ("https://id.example", "https://id.example:443/", true),
            ("https://id.example:8443", "https://id.example:8443/", true),
            ("http://localhost", "http://localhost:80/", true),
            ("https://id.example", "https://id.example:80", false),
            ("https://id.example", "https://id.example:8443", false),
            (
                "https://id.example:8443",
                "https://id.example:8443:443",
                false,
            ),
            ("https://id.example", "https://id.example//", false),
            ("https://id.example", "https://id.example/app", false),
            ("https://id.example", "https://id.example.evil", false),
            ("https://id.example", "http://id.example", false),
            ("https://id.example", "https://id.exampl", false),
            ("https://id.example", "https://id.exampl\u{e9}", false),
            ("https://id.example", "", false),
        ] {
            assert_eq!(is_spelling_of(issuer, name), is_same, "{name}");
        }
    }
}
