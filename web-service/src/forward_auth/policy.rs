//! The rules of forward auth: what the original request has to be, what the application may require, and whom it lets pass.

use holdfast_core::assurance_level::{AssuranceLevel, UnknownAssuranceLevel};
use time::{Duration, OffsetDateTime};

use crate::{
    request::{
        fetch_metadata::{RequestInitiator, classify},
        redirect_origins::AllowedRedirectOrigins,
    },
    session::browser_session::level,
};

/// What an application requires.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    /// The scopes that must have been granted.
    pub scopes: Vec<String>,
    /// The audience that an access token must have; empty: the first of auth-service's own.
    pub audience: String,
    /// The greatest age of the latest authentication (`auth_time`).
    pub max_age: Option<Duration>,
    /// The least strength of the latest authentication (`acr`).
    pub min_level: Option<AssuranceLevel>,
}

/// The request that a trusted proxy submits, as far as the proxy describes it. What is absent is treated as the least trusted value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OriginalRequest {
    /// Whether the request changes nothing: a safe method (RFC 9110 §9.2.1) that opens no WebSocket.
    pub is_safe: bool,
    /// The HTTP method.
    pub method: Option<String>,
    /// Scheme, host and port, as browsers write them in `Origin`.
    pub origin: Option<String>,
    /// Path and query.
    pub uri: Option<String>,
    /// `Sec-Fetch-Site`, as the browser sent it.
    pub sec_fetch_site: Option<Vec<u8>>,
    /// `Origin`, as the browser sent it.
    pub sent_origin: Option<Vec<u8>>,
}

impl OriginalRequest {
    /// Whether the session cookie counts: the request changes nothing, or a page of its own origin caused it. Browsers attach the cookie
    /// to requests of other pages, too.
    #[must_use]
    pub fn may_use_cookie(&self, origins: &AllowedRedirectOrigins) -> bool {
        let own = self
            .origin
            .as_deref()
            .filter(|origin| origins.contains(origin));
        let site = self.sec_fetch_site.as_deref();
        self.is_safe
            || classify(site, self.sent_origin.as_deref(), own) == RequestInitiator::SameOrigin
    }

    /// The method and the URL that a `DPoP` proof has to name. The origin must be a configured one: otherwise a token and a proof that
    /// were sent to another server could be used here.
    #[must_use]
    pub fn proven_target(
        &self,
        own_origin: &str,
        origins: &AllowedRedirectOrigins,
    ) -> Option<(String, String)> {
        let origin = self
            .origin
            .as_deref()
            .filter(|origin| *origin == own_origin || origins.contains(origin))?;
        let uri = self.uri.as_deref().filter(|uri| uri.starts_with('/'))?;
        Some((self.method.clone()?, format!("{origin}{uri}")))
    }

    /// The URL to return to after signing in, if its origin is a configured one.
    #[must_use]
    pub fn return_address(&self, origins: &AllowedRedirectOrigins) -> Option<String> {
        let origin = self
            .origin
            .as_deref()
            .filter(|origin| origins.contains(origin))?;
        let uri = self.uri.as_deref().filter(|uri| uri.starts_with('/'))?;
        Some(format!("{origin}{uri}"))
    }
}

impl OriginalRequest {
    /// The URL to return to for a form: the page that has it, by `Referer`, or the start page of the application. The address that the
    /// form was sent to may not be a page.
    #[must_use]
    pub fn form_address(
        &self,
        referer: Option<&str>,
        origins: &AllowedRedirectOrigins,
    ) -> Option<String> {
        let origin = self
            .origin
            .as_deref()
            .filter(|origin| origins.contains(origin))?;
        let page = referer
            .and_then(|referer| origins.accept(referer))
            .filter(|page| page.origin().ascii_serialization() == origin);
        Some(page.map_or_else(|| format!("{origin}/"), String::from))
    }
}

/// On whose behalf a request passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The username; `None` for an OAuth client in its own name.
    pub username: Option<String>,
    /// Identifier of the account or OAuth client (`sub`).
    pub subject: String,
    /// Identifier of the login (`sid`); `None` for an OAuth client in its own name.
    pub sid: Option<String>,
    /// The granted scopes, separated by spaces.
    pub scope: String,
    /// The credential that was accepted.
    pub method: Method,
    /// The latest authentication; `None` for an OAuth client in its own name.
    pub authentication: Option<Authentication>,
}

/// The latest authentication of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// Its strength (`acr`).
    pub level: AssuranceLevel,
    /// Its factors, separated by spaces (`amr`, RFC 8176).
    pub factors: String,
}

impl Authentication {
    /// That of the claims of a token: without them, the password was the only factor.
    #[must_use]
    pub fn of_claims(acr: Option<&str>, amr: &[String]) -> Self {
        let factors = if amr.is_empty() {
            "pwd".to_owned()
        } else {
            amr.join(" ")
        };
        Self {
            level: level(acr),
            factors,
        }
    }
}

/// The credential that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A session cookie.
    Cookie,
    /// A bearer token.
    Bearer,
    /// A bound token with a `DPoP` proof.
    Dpop,
}

impl Method {
    /// The value of `X-Auth-Method`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cookie => "cookie",
            Self::Bearer => "bearer",
            Self::Dpop => "dpop",
        }
    }
}

/// Why a request is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessDenied {
    /// There is no valid credential.
    Unauthenticated,
    /// The latest authentication is older than the application accepts.
    TooLongAgo,
    /// The latest authentication is weaker than this, which the application requires.
    TooWeak(AssuranceLevel),
    /// A required scope was not granted.
    Scope,
    /// A page of another origin caused an unsafe request.
    Foreign,
    /// The session is bound to a device, and there is no valid device proof.
    NoDeviceProof,
    /// Sessions have to be bound to a device, and this one is not.
    NotBound,
}

impl Requirements {
    /// Requirements as proxies state them: scopes separated by spaces, an audience, and an age in seconds.
    #[must_use]
    pub fn new(scopes: &str, audience: String, max_age: Option<u32>) -> Self {
        let scopes = scopes.split(' ').filter(|name| !name.is_empty());
        Self {
            scopes: scopes.map(str::to_owned).collect(),
            audience,
            max_age: max_age.map(|seconds| Duration::seconds(seconds.into())),
            min_level: None,
        }
    }

    /// These requirements, and that of a strength by its `acr`; an empty one requires none.
    ///
    /// # Errors
    /// When the strength is not known.
    pub fn with_acr(self, acr: &str) -> Result<Self, UnknownAssuranceLevel> {
        let min_level = Some(acr).filter(|acr| !acr.is_empty());
        Ok(Self {
            min_level: min_level.map(str::parse).transpose()?,
            ..self
        })
    }

    /// Checks the strength of the latest authentication.
    ///
    /// # Errors
    /// [`AccessDenied::TooWeak`] where it is less than required, or is required and there was none.
    pub fn check_level(&self, authentication: Option<&Authentication>) -> Result<(), AccessDenied> {
        let level = authentication.map(|authentication| authentication.level);
        match self.min_level {
            Some(required) if level < Some(required) => Err(AccessDenied::TooWeak(required)),
            _ => Ok(()),
        }
    }

    /// Checks the age of the latest authentication.
    ///
    /// # Errors
    /// [`AccessDenied::TooLongAgo`] where it is too old, or is required and not known.
    pub fn check_age(
        &self,
        authenticated_at: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Result<(), AccessDenied> {
        match (self.max_age, authenticated_at) {
            (None, _) => Ok(()),
            // To either side: what was written while the clock was ahead is not recent for ever.
            (Some(max_age), Some(at)) if (now - at).abs() <= max_age => Ok(()),
            (Some(_), _) => Err(AccessDenied::TooLongAgo),
        }
    }

    /// Checks the granted scopes, which are separated by spaces.
    ///
    /// # Errors
    /// [`AccessDenied::Scope`] where a required one is missing.
    pub fn check_scope(&self, granted: &str) -> Result<(), AccessDenied> {
        let has = |name: &String| granted.split(' ').any(|one| one == name);
        if self.scopes.iter().all(has) {
            Ok(())
        } else {
            Err(AccessDenied::Scope)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn original(is_safe: bool, site: Option<&str>, sent_origin: Option<&str>) -> OriginalRequest {
        OriginalRequest {
            is_safe,
            method: Some("GET".into()),
            origin: Some("https://app.example".into()),
            uri: Some("/a?b".into()),
            sec_fetch_site: site.map(|site| site.as_bytes().to_vec()),
            sent_origin: sent_origin.map(|origin| origin.as_bytes().to_vec()),
        }
    }

    fn origins() -> AllowedRedirectOrigins {
        AllowedRedirectOrigins::new(vec!["https://app.example".into()])
    }

    #[test]
    fn unsafe_request_needs_fetch_metadata_of_its_own_origin() {
        let may = |original: OriginalRequest| original.may_use_cookie(&origins());
        assert!(may(original(true, Some("cross-site"), None)));
        assert!(may(original(false, Some("same-origin"), None)));
        assert!(may(original(false, None, Some("https://app.example"))));
        for (site, origin) in [
            (None, None),
            (Some("same-site"), Some("https://app.example")),
            (None, Some("https://evil.example")),
            (None, Some("null")),
            (Some("same-origin"), Some("https://evil.example")),
            (Some("same-origin, same-origin"), None),
        ] {
            assert!(!may(original(false, site, origin)), "{site:?} {origin:?}");
        }
        let elsewhere = OriginalRequest {
            origin: Some("https://evil.example".into()),
            ..original(false, None, Some("https://evil.example"))
        };
        assert!(!may(elsewhere));
        let unknown = OriginalRequest::default();
        assert!(!may(unknown), "absent values are the least trusted");
    }

    #[test]
    fn return_address_has_a_configured_origin() {
        let back = |original: &OriginalRequest| original.return_address(&origins());
        let here = original(true, None, None);
        assert_eq!(back(&here).as_deref(), Some("https://app.example/a?b"));
        let elsewhere = OriginalRequest {
            origin: Some("https://app.example.evil".into()),
            ..here.clone()
        };
        assert_eq!(back(&elsewhere), None);
        let no_path = OriginalRequest {
            uri: Some("@evil.example/".into()),
            ..here
        };
        assert_eq!(back(&no_path), None);
    }

    #[test]
    fn proof_target_has_a_configured_origin() {
        let target =
            |original: &OriginalRequest| original.proven_target("https://id.example", &origins());
        let here = original(true, None, None);
        let expected = ("GET".to_owned(), "https://app.example/a?b".to_owned());
        assert_eq!(target(&here), Some(expected));
        let own = OriginalRequest {
            origin: Some("https://id.example".into()),
            ..here.clone()
        };
        assert!(target(&own).is_some());
        for unknown in [
            OriginalRequest {
                origin: Some("https://evil.example".into()),
                ..here.clone()
            },
            OriginalRequest {
                origin: None,
                ..here.clone()
            },
            OriginalRequest {
                method: None,
                ..here.clone()
            },
            OriginalRequest { uri: None, ..here },
        ] {
            assert_eq!(target(&unknown), None);
        }
    }

    #[test]
    fn every_scope_and_the_age_are_required() {
        let requirements = Requirements {
            scopes: vec!["a".into(), "b".into()],
            max_age: Some(Duration::MINUTE),
            ..Requirements::default()
        };
        assert_eq!(requirements.check_scope("b c a"), Ok(()));
        assert_eq!(requirements.check_scope("ab"), Err(AccessDenied::Scope));
        let now = OffsetDateTime::UNIX_EPOCH + Duration::HOUR;
        assert_eq!(
            requirements.check_age(Some(now - Duration::MINUTE), now),
            Ok(())
        );
        let old = now - Duration::seconds(61);
        assert_eq!(
            requirements.check_age(Some(old), now),
            Err(AccessDenied::TooLongAgo)
        );
        assert_eq!(
            requirements.check_age(None, now),
            Err(AccessDenied::TooLongAgo)
        );
    }
}
