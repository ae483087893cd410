//! Origins of the pages and apps that use credentials.

use std::{fmt, str::FromStr};

use serde::Serialize;

/// The prefix of an Android app's origin, before the SHA-256 of its signing certificate in base64url.
const ANDROID: &str = "android:apk-key-hash:";

/// Length of a SHA-256 in base64url.
const HASH: usize = 43;

/// The text is not an origin in the form in which a browser serializes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an origin, such as https://login.example.org")]
pub struct InvalidOrigin;

/// An origin in its serialized form (RFC 6454 §6.2), compared byte by byte: `https://` with host and port, the port only where it is not 443;
/// or `android:apk-key-hash:…`, the form in which Android names an app. `http` is allowed for `localhost` only, a secure context.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Origin(String);

impl Origin {
    /// Returns the serialized form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host; `None` for an app.
    pub(crate) fn host(&self) -> Option<&str> {
        let (_, authority) = self.0.split_once("://")?;
        Some(
            authority
                .split_once(':')
                .map_or(authority, |(host, _)| host),
        )
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        if is_web(text) || is_android(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidOrigin)
        }
    }
}

fn is_android(text: &str) -> bool {
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.strip_prefix(ANDROID)
        .is_some_and(|hash| hash.len() == HASH && hash.bytes().all(is_base64url))
}

fn is_web(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else {
        return false;
    };
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let default = match scheme {
        "https" => 443,
        "http" if host == "localhost" => 80,
        _ => return false,
    };
    is_domain(host) && port.is_none_or(|port| is_port(port, default))
}

/// Whether this is a port in its shortest form, other than the default one.
fn is_port(text: &str, default: u16) -> bool {
    text.parse::<u16>()
        .is_ok_and(|port| port != default && port != 0 && port.to_string() == text)
}

/// Whether this is a domain name of ASCII labels in lower case (RFC 1123 §2.1), and not an IP address.
pub(crate) fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        (1..=63).contains(&label.len())
            && label.bytes().all(is_inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253
        && text.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serialized_origins_are_accepted_and_others_refused() {
        for text in [
            "https://example.org",
            "https://login.example.org:8443",
            "https://xn--mnchen-3ya.example",
            "https://localhost:8443",
            "http://localhost:3000",
            "http://localhost",
            "android:apk-key-hash:0123456789-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcde",
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().as_str(), text);
        }
        for text in [
            "",
            "null",
            "example.org",
            "http://example.org",
            "HTTPS://example.org",
            "https://Example.org",
            "https://example.org/",
            "https://example.org:443",
            "http://localhost:80",
            "https://example.org:0443",
            "https://example.org:",
            "https://example.org:0",
            "https://example.org:+8443",
            "https://example.org:70000",
            "https://user@example.org",
            "https://münchen.example",
            "https://*.example.org",
            "https://example..org",
            "https://example.org.",
            "https://-.example.org",
            "https://192.0.2.1",
            "https://[2001:db8::1]",
            "https://",
            "android:apk-key-hash:",
            "android:apk-key-hash:short",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(InvalidOrigin), "{text}");
        }
    }

    #[test]
    fn host_is_without_port() {
        let host = |text: &str| text.parse::<Origin>().unwrap().host().map(str::to_owned);
        assert_eq!(host("https://a.example:1"), Some("a.example".to_owned()));
        assert_eq!(host("https://a.example"), Some("a.example".to_owned()));
        let app = format!("{ANDROID}{}", "a".repeat(HASH));
        assert_eq!(host(&app), None);
    }
}
