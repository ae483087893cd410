//! The addresses at which relying parties receive logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.2).

use std::{fmt, str::FromStr};

use url::Url;

use crate::oauth::relying_party::is_loopback;

/// A registered `backchannel_logout_uri`: `https`, or `http` on a loopback host; at most 512 characters, without fragment and credentials.
/// Whether its host may be connected to is decided when it is: a name can resolve to another address at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackchannelLogoutUri(Url);

/// Why a text is no back-channel logout URI.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidBackchannelLogoutUri {
    /// It is no URI, or not in the normal form of URLs.
    #[error(
        "a back-channel logout URI is an absolute URI of at most 512 characters in the form of browsers, such as https://app.example/logout"
    )]
    Form,
    /// It has a fragment or credentials.
    #[error("a back-channel logout URI has no fragment, user name or password")]
    Surplus,
    /// Its scheme is not allowed.
    #[error("a back-channel logout URI begins with https://, or with http:// on a loopback host")]
    Scheme,
}

impl BackchannelLogoutUri {
    const MAX_LENGTH: usize = 512;

    /// Returns the text of the URI.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the URI.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.0
    }
}

impl FromStr for BackchannelLogoutUri {
    type Err = InvalidBackchannelLogoutUri;

    fn from_str(text: &str) -> Result<Self, InvalidBackchannelLogoutUri> {
        let has_form =
            text.len() <= Self::MAX_LENGTH && text.bytes().all(|byte| byte.is_ascii_graphic());
        let url = Url::parse(text).ok().filter(|_| has_form);
        let url = url.ok_or(InvalidBackchannelLogoutUri::Form)?;
        if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidBackchannelLogoutUri::Surplus);
        }
        let is_allowed = match url.scheme() {
            "https" => url.has_host(),
            "http" => is_loopback(&url),
            _ => false,
        };
        if !is_allowed {
            return Err(InvalidBackchannelLogoutUri::Scheme);
        }
        // So that an operator reads the host that is connected to: not `https://127.1/`, `https://a\@b/`.
        if url.as_str() == text {
            Ok(Self(url))
        } else {
            Err(InvalidBackchannelLogoutUri::Form)
        }
    }
}

impl fmt::Display for BackchannelLogoutUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uri_is_https_or_loopback() {
        for valid in [
            "https://app.example/logout",
            "https://app.example:8443/logout?tenant=1",
            "https://192.0.2.1/",
            "http://localhost:3000/logout",
            "http://127.0.0.1/logout",
            "http://[::1]:8000/logout",
        ] {
            let parsed = valid.parse::<BackchannelLogoutUri>();
            assert_eq!(parsed.map(|uri| uri.to_string()), Ok(valid.to_owned()));
        }
    }

    #[test]
    fn other_uri_is_refused_with_its_reason() {
        use InvalidBackchannelLogoutUri::{Form, Scheme, Surplus};

        let long = format!("https://app.example/{}", "x".repeat(512));
        for (invalid, why) in [
            ("", Form),
            ("/logout", Form),
            ("https://app.example", Form),
            ("https://127.1/", Form),
            ("https://2130706433/", Form),
            ("https://0x7f.1/", Form),
            ("https://[::ffff:127.0.0.1]/", Form),
            ("https://APP.example/", Form),
            ("https://a.example/a/../b", Form),
            ("https://a.example\\@evil.example/", Form),
            ("https://app.example/a b", Form),
            ("https://app.example/\r\n", Form),
            (&long, Form),
            ("https://app.example/#", Surplus),
            ("https://user@app.example/", Surplus),
            ("https://user:secret@app.example/", Surplus),
            ("http://app.example/", Scheme),
            ("http://10.0.0.1/", Scheme),
            ("http://localhost.evil.example/", Scheme),
            ("ftp://app.example/", Scheme),
            ("file:///etc/passwd", Scheme),
            ("gopher://localhost/", Scheme),
            ("com.example.app:/logout", Scheme),
        ] {
            assert_eq!(
                invalid.parse::<BackchannelLogoutUri>(),
                Err(why),
                "{invalid}"
            );
        }
    }
}
