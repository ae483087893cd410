//! Parsing of `X-Forwarded-*`, in all forms that reverse proxies and load balancers are known to write. `Forwarded` (RFC 7239) is not
//! read (ADR 25).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use url::Url;

/// A value that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForwardedError {
    /// The scheme is not `https`, `wss`, `http` or `ws`.
    #[error("the scheme is none of https, wss, http and ws")]
    Scheme,
    /// The host is not a host with an optional port.
    #[error("the host is not a host with an optional port")]
    Host,
    /// Several different hosts, some of which the client may have sent.
    #[error("several hosts that differ")]
    DifferentHosts,
}

/// The origin that the browser sees, in the form of the header `Origin`; `None` where scheme or host is missing.
///
/// `protocols` and `hosts` are the values of `X-Forwarded-Proto` and `X-Forwarded-Host`, each of which may be a list. The first protocol
/// is used: it is that of the browser's connection, and forging it is useless, as only `https` origins are allowed. Hosts must be equal,
/// as proxies append to the value that the client sent.
///
/// # Errors
/// When a value has none of these forms.
pub fn origin(protocols: &[&str], hosts: &[&str]) -> Result<Option<String>, ForwardedError> {
    let schemes: Result<Vec<_>, _> = members(protocols).map(scheme).collect();
    let (schemes, mut hosts) = (schemes?, members(hosts));
    let (Some(scheme), Some(host)) = (schemes.first(), hosts.next()) else {
        return Ok(None);
    };
    let first = origin_of(scheme, host)?;
    for other in hosts {
        if origin_of(scheme, other)? != first {
            return Err(ForwardedError::DifferentHosts);
        }
    }
    Ok(Some(first))
}

/// Parses an address of `X-Forwarded-For`: plain, in brackets, with a port or a zone, or in quotes.
#[must_use]
pub fn address(text: &str) -> Option<IpAddr> {
    let text = unquoted(text);
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let (bare, _zone) = bare.split_once('%').unwrap_or((bare, ""));
    let with_port = || text.parse().ok().map(|socket: SocketAddr| socket.ip());
    bare.parse().ok().or_else(with_port)
}

/// The members of a list in one or several header values, without empty ones (RFC 9110 §5.6.1).
pub fn members<'a>(lines: &[&'a str]) -> impl DoubleEndedIterator<Item = &'a str> {
    let members = lines.iter().flat_map(|line| line.split(','));
    members.map(str::trim).filter(|member| !member.is_empty())
}

/// Whether `text` is a host with an optional port (RFC 3986 §3.2.2, restricted to the characters of DNS names).
#[must_use]
pub fn is_host_and_port(text: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(text) else {
        return false;
    };
    let (is_host, rest) = if let Some(text) = text.strip_prefix('[') {
        let Some((address, rest)) = text.split_once(']') else {
            return false;
        };
        (address.parse::<Ipv6Addr>().is_ok(), rest)
    } else {
        let end = text.find(':').unwrap_or(text.len());
        let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        (end > 0 && text[..end].bytes().all(is_of_name), &text[end..])
    };
    let is_port = match rest.strip_prefix(':') {
        Some(port) => {
            port.is_empty()
                || port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
        }
        None => rest.is_empty(),
    };
    is_host && is_port
}

fn scheme(text: &str) -> Result<&'static str, ForwardedError> {
    match unquoted(text).to_ascii_lowercase().as_str() {
        "https" | "wss" => Ok("https"),
        "http" | "ws" => Ok("http"),
        _ => Err(ForwardedError::Scheme),
    }
}

fn origin_of(scheme: &str, host: &str) -> Result<String, ForwardedError> {
    let host = unquoted(host);
    if !is_host_and_port(host.as_bytes()) {
        return Err(ForwardedError::Host);
    }
    let url = Url::parse(&format!("{scheme}://{host}")).map_err(|_| ForwardedError::Host)?;
    Ok(url.origin().ascii_serialization())
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .map_or(text, str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `X-Forwarded-Proto`, of `X-Forwarded-Host`, and the expected origin.
    type Case = (
        &'static [&'static str],
        &'static [&'static str],
        Result<Option<&'static str>, ForwardedError>,
    );

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn origin_is_parsed_in_every_known_form() {
        let app = Ok(Some("https://app.example"));
        let cases: &[Case] = &[
            (&["https"], &["app.example"], app),
            // WebSockets, as Traefik and Caddy name them.
            (&["wss"], &["app.example"], app),
            (&["ws"], &["app.example"], Ok(Some("http://app.example"))),
            (
                &["http"],
                &["app.example:80"],
                Ok(Some("http://app.example")),
            ),
            // Case.
            (&["HTTPS"], &["App.Example"], app),
            (&["Wss"], &["APP.EXAMPLE"], app),
            // Ports.
            (&["https"], &["app.example:443"], app),
            (&["wss"], &["app.example:443"], app),
            (&["https"], &["app.example:"], app),
            (
                &["https"],
                &["app.example:8443"],
                Ok(Some("https://app.example:8443")),
            ),
            (
                &["https"],
                &["app.example:80"],
                Ok(Some("https://app.example:80")),
            ),
            // Brackets.
            (
                &["https"],
                &["[2001:DB8::1]"],
                Ok(Some("https://[2001:db8::1]")),
            ),
            (
                &["https"],
                &["[2001:db8::1]:8443"],
                Ok(Some("https://[2001:db8::1]:8443")),
            ),
            // Quotes and blanks.
            (&["\"https\""], &["\"app.example\""], app),
            (&[" https "], &["\tapp.example "], app),
            // Lists: one proxy behind another.
            (&["https,http"], &["app.example"], app),
            (&["https, https"], &["app.example, app.example"], app),
            (&["https", "http"], &["app.example", "APP.example:443"], app),
            (
                &["http,https"],
                &["app.example"],
                Ok(Some("http://app.example")),
            ),
            (&["https,"], &[", app.example"], app),
            // Missing values.
            (&[], &["app.example"], Ok(None)),
            (&["https"], &[], Ok(None)),
            (&["", ","], &["app.example"], Ok(None)),
            (&["https"], &[""], Ok(None)),
            // Refused values.
            (&["ftp"], &["app.example"], Err(ForwardedError::Scheme)),
            (&["https://"], &["app.example"], Err(ForwardedError::Scheme)),
            (&["https, x"], &["app.example"], Err(ForwardedError::Scheme)),
            (&["https"], &["user@app.example"], Err(ForwardedError::Host)),
            (&["https"], &["app.example/"], Err(ForwardedError::Host)),
            (
                &["https"],
                &["app.example:99999"],
                Err(ForwardedError::Host),
            ),
            (&["https"], &["app.example:+1"], Err(ForwardedError::Host)),
            (
                &["https"],
                &["app.example:80:80"],
                Err(ForwardedError::Host),
            ),
            (&["https"], &[":443"], Err(ForwardedError::Host)),
            (&["https"], &["2001:db8::1"], Err(ForwardedError::Host)),
            (&["https"], &["[app.example]"], Err(ForwardedError::Host)),
            (&["https"], &["app.exämple"], Err(ForwardedError::Host)),
            (
                &["https"],
                &["app.example evil.example"],
                Err(ForwardedError::Host),
            ),
            (
                &["https"],
                &["evil.example, app.example"],
                Err(ForwardedError::DifferentHosts),
            ),
            (
                &["https"],
                &["app.example", "evil.example"],
                Err(ForwardedError::DifferentHosts),
            ),
            (&["https"], &["app.example, /"], Err(ForwardedError::Host)),
        ];
        for (protocols, hosts, expected) in cases {
            let found = origin(protocols, hosts);
            let found = found.as_ref().map(Option::as_deref).map_err(|error| *error);
            assert_eq!(found, *expected, "{protocols:?} {hosts:?}");
        }
    }

    #[test]
    fn address_is_parsed_in_every_known_form() {
        let cases = [
            ("198.51.100.1", Some("198.51.100.1")),
            // Azure and IIS write the port, too.
            ("198.51.100.1:4711", Some("198.51.100.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("2001:DB8:0:0::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:db8::1]:4711", Some("2001:db8::1")),
            ("\"[2001:db8::1]:4711\"", Some("2001:db8::1")),
            ("\"198.51.100.1\"", Some("198.51.100.1")),
            ("fe80::1%eth0", Some("fe80::1")),
            ("[fe80::1%25eth0]", Some("fe80::1")),
            ("::ffff:198.51.100.1", Some("::ffff:198.51.100.1")),
            ("unknown", None),
            ("_hidden", None),
            ("for=198.51.100.1", None),
            ("198.51.100", None),
            ("198.51.100.1:", None),
            ("[198.51.100.1", None),
            ("app.example", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(address(text), expected, "{text:?}");
        }
    }
}
