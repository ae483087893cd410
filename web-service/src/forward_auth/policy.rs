//! Whether a request to somebody else's application may pass: what a reverse proxy asks, in whatever dialect.

use time::{Duration, OffsetDateTime};

use crate::request::{
    fetch_metadata::{RequestInitiator, verify},
    redirect_origins::AllowedRedirectOrigins,
};

/// What the application wants of whoever passes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    /// Scopes, all of them.
    pub scopes: Vec<String>,
    /// Whom an access token has to be for; empty: auth-service's first audience.
    pub audience: String,
    /// How old the proof of who somebody is may be.
    pub max_age: Option<Duration>,
}

/// What a trusted proxy says of the request that it asks about. What it leaves out counts as the worst.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OriginalRequest {
    /// Whether the method changes nothing (RFC 9110 §9.2.1).
    pub is_safe: bool,
    /// The method, where it is known.
    pub method: Option<String>,
    /// Scheme and host, where they are known.
    pub origin: Option<String>,
    /// Path and query, where they are known.
    pub uri: Option<String>,
    /// `Sec-Fetch-Site`, as the browser sent it.
    pub sec_fetch_site: Option<Vec<u8>>,
    /// `Origin`, as the browser sent it.
    pub sent_origin: Option<Vec<u8>>,
}

impl OriginalRequest {
    /// Whether a page of the same origin sent it, or it changes nothing: a cookie comes along whoever asks.
    #[must_use]
    pub fn may_use_cookie(&self, origins: &AllowedRedirectOrigins) -> bool {
        let own = self
            .origin
            .as_deref()
            .filter(|origin| origins.contains(origin));
        let site = self.sec_fetch_site.as_deref();
        self.is_safe
            || verify(site, self.sent_origin.as_deref(), own) == RequestInitiator::SameOrigin
    }

    /// The method and the URL that a proof of a key has to name, where they are known. The origin has to be one of ours: who gets
    /// a token and a proof for somewhere else could use them here.
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

    /// Where somebody comes back to after signing in, if that is a place that they may be sent to.
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
    /// Where somebody comes back to who sent a form: the page that has it, as the browser names it (`Referer`), or the beginning of
    /// the application. The form's own address may have no page.
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

/// Who passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The person's name; empty for a client in its own name.
    pub username: String,
    /// `sub`.
    pub subject: String,
    /// `sid`; empty for a client in its own name.
    pub sid: String,
    /// `scope`.
    pub scope: String,
    /// How they are known.
    pub method: Method,
}

/// How somebody is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// By a session cookie.
    Cookie,
    /// By an access token.
    Bearer,
    /// By an access token and the key that it is bound to.
    Dpop,
}

impl Method {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cookie => "cookie",
            Self::Bearer => "bearer",
            Self::Dpop => "dpop",
        }
    }
}

/// Why nobody passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessDenied {
    /// Nobody is known.
    Unauthenticated,
    /// Somebody is known, who has to prove again who they are.
    TooLongAgo,
    /// They lack a scope.
    Scope,
    /// A page of another origin sent it.
    Foreign,
    /// Their session is bound to a device, which may have to be asked again.
    NoProof,
    /// Their session has to be bound to a device, and is not.
    NotBound,
}

impl Requirements {
    /// Whether the proof is young enough.
    ///
    /// # Errors
    /// When it is not, or there is none.
    pub fn check_age(
        &self,
        authenticated_at: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Result<(), AccessDenied> {
        match (self.max_age, authenticated_at) {
            (None, _) => Ok(()),
            (Some(most), Some(at)) if now - at <= most => Ok(()),
            (Some(_), _) => Err(AccessDenied::TooLongAgo),
        }
    }

    /// Whether what was granted is enough.
    ///
    /// # Errors
    /// When it is not.
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
    fn what_changes_something_takes_the_browsers_word() {
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
        assert!(!may(unknown), "what is left out counts as the worst");
    }

    #[test]
    fn people_come_back_to_listed_places_only() {
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
    fn a_proof_is_for_our_own_places_only() {
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
    fn scopes_and_age_are_checked_whole() {
        let wants = Requirements {
            scopes: vec!["a".into(), "b".into()],
            max_age: Some(Duration::MINUTE),
            ..Requirements::default()
        };
        assert_eq!(wants.check_scope("b c a"), Ok(()));
        assert_eq!(wants.check_scope("ab"), Err(AccessDenied::Scope));
        let now = OffsetDateTime::UNIX_EPOCH + Duration::HOUR;
        assert_eq!(wants.check_age(Some(now - Duration::MINUTE), now), Ok(()));
        let old = now - Duration::seconds(61);
        assert_eq!(
            wants.check_age(Some(old), now),
            Err(AccessDenied::TooLongAgo)
        );
        assert_eq!(wants.check_age(None, now), Err(AccessDenied::TooLongAgo));
    }
}
