//! Relying parties: OAuth clients that people sign in to (OpenID Connect Core 1.0).

use std::{fmt, str::FromStr};

use url::{Host, Url};

use crate::{
    key::Algorithm,
    oauth::{BackchannelLogoutUri, Sector},
};

/// What an OAuth client is registered with, so that people sign in to it by the authorization code flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// The name that people are shown.
    pub name: ClientName,
    /// Where responses of the authorization endpoint may be sent; at least one.
    pub redirect_uris: Vec<RedirectUri>,
    /// Where a browser may be sent after a sign-out (OpenID Connect RP-Initiated Logout 1.0 §3.1).
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// The algorithm that its ID tokens are signed with.
    pub id_token_algorithm: Algorithm,
    /// Whether it belongs to the installation, so that nobody is asked for consent.
    pub is_first_party: bool,
    /// Whether it must push its authorization requests (RFC 9126 §6).
    pub must_push: bool,
    /// Where it receives the ends of its sessions (OpenID Connect Back-Channel Logout 1.0 §2.2); `None` where it does not.
    pub backchannel_logout_uri: Option<BackchannelLogoutUri>,
    /// The sector of its pairwise subject identifiers; `None` where they are not pairwise.
    pub sector: Option<Sector>,
}

impl RelyingParty {
    /// Whether a response may be sent to `uri`.
    #[must_use]
    pub fn accepts_redirect_to(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|one| one.matches(uri))
    }

    /// Whether a browser may be sent to `uri` after a sign-out.
    #[must_use]
    pub fn accepts_logout_to(&self, uri: &str) -> bool {
        let mut uris = self.post_logout_redirect_uris.iter();
        uris.any(|one| one.matches(uri))
    }
}

/// The name of a relying party: 1 to 64 characters without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientName(String);

/// The text is not the name of a relying party.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a name has 1 to 64 characters, without control characters and without blanks around it")]
pub struct InvalidClientName;

impl ClientName {
    const MAX_LENGTH: usize = 64;

    /// Returns the text of the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientName {
    type Err = InvalidClientName;

    fn from_str(text: &str) -> Result<Self, InvalidClientName> {
        let has_length = (1..=Self::MAX_LENGTH).contains(&text.chars().count());
        if has_length && text.trim() == text && !text.chars().any(is_invisible) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidClientName)
        }
    }
}

/// Whether a character could make a name look like another text.
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A registered redirect URI (RFC 6749 §3.1.2): `https`; `http` on a loopback host; or of a private-use scheme whose name is that of a domain
/// in reverse order (RFC 8252 §7.1). It is compared character by character (RFC 9700 §4.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri(String);

/// Why a text is no redirect URI.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidRedirectUri {
    /// It is no URI, or not written as browsers write it.
    #[error(
        "a redirect URI is an absolute URI of at most 512 characters, written as browsers do, such as https://app.example/callback"
    )]
    Form,
    /// It has a fragment or credentials.
    #[error("a redirect URI has no fragment, user name or password")]
    Surplus,
    /// Its scheme is not allowed.
    #[error(
        "a redirect URI begins with https://, with http:// on a loopback host, or with a scheme such as com.example.app:"
    )]
    Scheme,
}

/// Loopback addresses, on which native applications listen at any free port (RFC 8252 §7.3).
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

impl RedirectUri {
    const MAX_LENGTH: usize = 512;

    /// Returns the text of the URI.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The origin of its pages (RFC 6454 §6.2); `None` for a private-use scheme, which no page has.
    #[must_use]
    pub fn browser_origin(&self) -> Option<String> {
        let origin = Url::parse(&self.0).ok()?.origin();
        origin.is_tuple().then(|| origin.ascii_serialization())
    }

    /// Whether a request may name `uri`: the same text, but for the port of a loopback address.
    #[must_use]
    pub fn matches(&self, uri: &str) -> bool {
        self.0 == uri
            || LOOPBACK.iter().any(|origin| {
                let own = without_port(&self.0, origin);
                own.is_some() && own == without_port(uri, origin)
            })
    }
}

/// What follows the port of a URI on this loopback address; `None` on any other host.
fn without_port<'a>(uri: &'a str, origin: &str) -> Option<&'a str> {
    let is_path = |rest: &str| rest.is_empty() || rest.starts_with(['/', '?']);
    let rest = uri.strip_prefix(origin)?;
    let Some(rest) = rest.strip_prefix(':') else {
        return is_path(rest).then_some(rest);
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (port, path) = rest.split_at(digits);
    let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
    (is_port && is_path(path)).then_some(path)
}

impl FromStr for RedirectUri {
    type Err = InvalidRedirectUri;

    fn from_str(text: &str) -> Result<Self, InvalidRedirectUri> {
        let is_written =
            text.len() <= Self::MAX_LENGTH && text.bytes().all(|b| b.is_ascii_graphic());
        let url = Url::parse(text).ok().filter(|_| is_written);
        let url = url.ok_or(InvalidRedirectUri::Form)?;
        if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidRedirectUri::Surplus);
        }
        let is_allowed = match url.scheme() {
            "https" => url.has_host(),
            "http" => is_loopback(&url),
            scheme => scheme.contains('.'),
        };
        if !is_allowed {
            return Err(InvalidRedirectUri::Scheme);
        }
        // What a browser would send to another address than the text shows is refused: `https://a\@b`, `https://a/../b`. To an origin it only
        // adds a slash.
        if url.as_str() == text || url.as_str().strip_suffix('/') == Some(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidRedirectUri::Form)
        }
    }
}

/// Whether the host of a URL is `localhost` or a loopback address.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_uri_is_https_loopback_or_of_a_reverse_domain() {
        for valid in [
            "https://app.example/callback",
            "https://app.example:8443/callback?tenant=1",
            "https://app.example",
            "https://app.example:8443",
            "http://localhost:3000",
            "http://localhost:3000/callback",
            "http://127.0.0.1/callback",
            "http://[::1]:8000/callback",
            "com.example.app:/callback",
        ] {
            assert!(valid.parse::<RedirectUri>().is_ok(), "{valid}");
        }
        for (invalid, why) in [
            ("", InvalidRedirectUri::Form),
            ("/callback", InvalidRedirectUri::Form),
            ("https://", InvalidRedirectUri::Form),
            ("https:app.example", InvalidRedirectUri::Form),
            ("https://app.example?a=b", InvalidRedirectUri::Form),
            ("https://app.example:443", InvalidRedirectUri::Form),
            ("https://app.example/..", InvalidRedirectUri::Form),
            ("https://APP.example", InvalidRedirectUri::Form),
            ("https://APP.example/callback", InvalidRedirectUri::Form),
            (
                "https://app.example/a/../callback",
                InvalidRedirectUri::Form,
            ),
            (
                "https://app.example\\@evil.example/",
                InvalidRedirectUri::Form,
            ),
            ("https://app.example/a b", InvalidRedirectUri::Form),
            ("https://äpp.example/", InvalidRedirectUri::Form),
            ("https://app.example/#", InvalidRedirectUri::Surplus),
            ("https://app.example/#a", InvalidRedirectUri::Surplus),
            ("https://user@app.example/", InvalidRedirectUri::Surplus),
            ("http://app.example/", InvalidRedirectUri::Scheme),
            ("http://localhost.evil.example/", InvalidRedirectUri::Scheme),
            ("javascript:alert(1)", InvalidRedirectUri::Scheme),
            ("data:text/html,a", InvalidRedirectUri::Scheme),
            ("myapp://callback", InvalidRedirectUri::Scheme),
        ] {
            assert_eq!(invalid.parse::<RedirectUri>(), Err(why), "{invalid}");
        }
        let long = format!("https://app.example/{}", "x".repeat(512));
        assert_eq!(long.parse::<RedirectUri>(), Err(InvalidRedirectUri::Form));
    }

    #[test]
    fn redirect_uri_matches_the_same_text_only() {
        let own: RedirectUri = "https://app.example/callback".parse().unwrap();
        assert!(own.matches("https://app.example/callback"));
        for other in [
            "https://app.example/callback/",
            "https://app.example/callback?a=b",
            "https://app.example/callback#",
            "https://app.example/Callback",
            "https://app.example:443/callback",
            "https://app.example/callback/../callback",
            "https://app.example/callback%2e",
            "https://app.example.evil.example/callback",
            "https://app.example@evil.example/callback",
            "https://app.example\\@evil.example/callback",
            "https://evil.example/?https://app.example/callback",
            "https://evil.example/https://app.example/callback",
            "https://sub.app.example/callback",
            "http://app.example/callback",
            "//app.example/callback",
            " https://app.example/callback",
            "https://app.example/callback\t",
            "",
        ] {
            assert!(!own.matches(other), "{other}");
        }
        let origin: RedirectUri = "https://app.example".parse().unwrap();
        assert!(origin.matches("https://app.example"));
        for other in ["https://app.example/", "https://app.example?a=b"] {
            assert!(!origin.matches(other), "{other}");
        }
    }

    #[test]
    fn loopback_address_matches_at_every_port() {
        let own: RedirectUri = "http://127.0.0.1/callback".parse().unwrap();
        for same in [
            "http://127.0.0.1/callback",
            "http://127.0.0.1:49152/callback",
        ] {
            assert!(own.matches(same), "{same}");
        }
        for other in [
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:65536/callback",
            "http://127.0.0.1:/callback",
            "http://127.0.0.1:80@evil.example/callback",
            "http://127.0.0.1.evil.example/callback",
            "http://127.0.0.1:80/other",
            "http://localhost:80/callback",
            "http://[::1]:80/callback",
            "https://127.0.0.1:80/callback",
        ] {
            assert!(!own.matches(other), "{other}");
        }
        let origin: RedirectUri = "http://127.0.0.1".parse().unwrap();
        assert!(origin.matches("http://127.0.0.1:49152"));
        for other in [
            "http://127.0.0.1:49152/",
            "http://127.0.0.1:x",
            "http://127.0.0.1:",
        ] {
            assert!(!origin.matches(other), "{other}");
        }
        let localhost: RedirectUri = "http://localhost:3000/callback".parse().unwrap();
        assert!(!localhost.matches("http://localhost:3001/callback"));
    }

    #[test]
    fn browser_origin_has_scheme_host_and_port() {
        for (uri, origin) in [
            ("https://app.example/callback", Some("https://app.example")),
            (
                "https://app.example:8443/a?b",
                Some("https://app.example:8443"),
            ),
            (
                "http://localhost:3000/callback",
                Some("http://localhost:3000"),
            ),
            ("http://[::1]:3000/callback", Some("http://[::1]:3000")),
            ("https://app.example", Some("https://app.example")),
            ("com.example.app:/callback", None),
        ] {
            let uri: RedirectUri = uri.parse().unwrap();
            assert_eq!(uri.browser_origin().as_deref(), origin, "{uri}");
        }
    }

    #[test]
    fn name_with_invisible_characters_is_refused() {
        assert_eq!(
            "Order desk".parse::<ClientName>().unwrap().as_str(),
            "Order desk"
        );
        for name in ["", " a", "a\n", "a\u{202e}b", "a\u{200b}", &"x".repeat(65)] {
            assert_eq!(
                name.parse::<ClientName>(),
                Err(InvalidClientName),
                "{name:?}"
            );
        }
    }
}
