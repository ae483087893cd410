//! The public URL of the installation: an origin.

use url::{Host, Url};

/// The origin at which browsers reach web-service. It is also the issuer of auth-service (RFC 8414 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// Scheme, host and port as browsers send them in `Origin`: lower case, without a default port or a trailing slash.
    pub origin: String,
    /// Whether the host is a loopback name or address.
    pub is_loopback: bool,
}

impl PublicUrl {
    /// Returns the default: `https` on `localhost` with this port.
    #[must_use]
    pub fn localhost(port: u16) -> Self {
        Self {
            origin: format!("https://localhost:{port}"),
            is_loopback: true,
        }
    }

    /// Parses an origin: `https`, or `http` on a loopback host.
    ///
    /// # Errors
    /// A message for the operator with an example; credentials in the text are not repeated.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = parse_origin(text, "https://id.example")?;
        let is_loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if url.scheme() == "http" && !is_loopback {
            return Err(format!(
                "{text:?}: must begin with https://, such as https://id.example; http:// is for loopback hosts"
            ));
        }
        Ok(Self {
            origin: url.origin().ascii_serialization(),
            is_loopback,
        })
    }

    /// Parses an `https` origin.
    ///
    /// # Errors
    /// A message for the operator with an example; credentials in the text are not repeated.
    pub fn parse_https(text: &str) -> Result<Self, String> {
        let url = Self::parse(text)?;
        if url.origin.starts_with("https://") {
            Ok(url)
        } else {
            Err(format!(
                "{text:?}: must begin with https://, such as https://id.example"
            ))
        }
    }
}

/// Parses an `http` or `https` URL of a host and optionally a port, without anything else. `example` is part of the message.
///
/// # Errors
/// A message for the operator; credentials in the text are not repeated.
pub fn parse_origin(text: &str, example: &str) -> Result<Url, String> {
    let form =
        || format!("must be http:// or https://, a host and perhaps a port, such as {example}");
    // The part that cannot be parsed may be a password.
    let shown = if text.contains('@') {
        "the URL".to_owned()
    } else {
        format!("{text:?}")
    };
    let url = Url::parse(text).map_err(|why| format!("{shown}: {why}; {}", form()))?;
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    let surplus = match () {
        () if !matches!(url.scheme(), "http" | "https") => {
            return Err(format!("{shown}: {}", form()));
        }
        () if has_credentials || text.contains('@') => "credentials",
        () if url.path() != "/" => "a path",
        () if url.query().is_some() => "a query",
        () if url.fragment().is_some() => "a fragment",
        () => return Ok(url),
    };
    Err(format!("{shown}: has {surplus}; {}", form()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_is_normalized_as_in_browsers() {
        for (text, origin, is_loopback) in [
            ("https://id.example", "https://id.example", false),
            ("https://id.example/", "https://id.example", false),
            ("HTTPS://ID.Example:443/", "https://id.example", false),
            ("https://id.example:8443", "https://id.example:8443", false),
            (
                "https://bücher.example",
                "https://xn--bcher-kva.example",
                false,
            ),
            ("https://localhost:8443", "https://localhost:8443", true),
            ("https://a.localhost", "https://a.localhost", true),
            ("https://127.0.0.1", "https://127.0.0.1", true),
            ("https://[0:0::1]", "https://[::1]", true),
            ("http://localhost:80", "http://localhost", true),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080", true),
        ] {
            let url = PublicUrl::parse(text).unwrap();
            assert_eq!(
                (url.origin.as_str(), url.is_loopback),
                (origin, is_loopback)
            );
        }
    }

    #[test]
    fn whatever_is_not_an_origin_is_refused_with_an_example_and_without_its_password() {
        for (text, why) in [
            ("", "relative"),
            ("id.example", "relative"),
            ("localhost:8443", "must be http:// or https://"),
            ("ftp://id.example", "must be http:// or https://"),
            ("https://", "empty host"),
            ("http://id.example", "must begin with https://"),
            ("http://localhost.example", "must begin with https://"),
            ("https://id.example/app", "has a path"),
            ("https://id.example//", "has a path"),
            ("https://id.example/?a", "has a query"),
            ("https://id.example/#a", "has a fragment"),
            ("https://ada:hush@id.example", "has credentials"),
            ("https://ada@id.example", "has credentials"),
            ("https://:hush@id.example", "has credentials"),
            ("https://@id.example", "has credentials"),
            ("https://ada:hush@id.example:port", "invalid port"),
        ] {
            let refused = PublicUrl::parse(text).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
            assert!(refused.contains("https://id.example"), "{refused}");
            assert!(!refused.contains("hush"), "{refused}");
        }
        assert!(PublicUrl::parse_https("http://localhost:8443").is_err());
        assert!(PublicUrl::parse_https("https://localhost:8443").is_ok());
    }
}
