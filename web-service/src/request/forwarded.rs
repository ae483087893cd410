//! What reverse proxies and balancers write into `X-Forwarded-*`, in the forms that they are known to use. RFC 7239's `Forwarded` is not read (ADR 25).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use url::Url;

/// A value that is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForwardedError {
    /// The scheme is none of `https`, `wss`, `http` and `ws`.
    #[error("the scheme is none of https, wss, http and ws")]
    Scheme,
    /// The host is no host with perhaps a port.
    #[error("the host is not a host with an optional port")]
    Host,
    /// Several different hosts, of which the client may have written some.
    #[error("several hosts that differ")]
    DifferentHosts,
}

/// The origin that a browser sees, as browsers write it in `Origin`; `None` where scheme or host is not said.
///
/// `protocols` and `hosts` are the lines of `X-Forwarded-Proto` and `X-Forwarded-Host`, each of which may be a list. The first
/// protocol counts: it is that of the client's own connection, and who forges it gains nothing, as only `https` origins are ever
/// listed. Hosts have to agree: proxies append to what the client sent.
///
/// # Errors
/// When a value is not of these forms.
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

/// An address as it stands in `X-Forwarded-For`: bare, in brackets, with a port or a zone, in quotes.
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

/// The members of a list that may go over several lines (RFC 9110 §5.6.1); empty ones do not count.
pub fn members<'a>(lines: &[&'a str]) -> impl DoubleEndedIterator<Item = &'a str> {
    let members = lines.iter().flat_map(|line| line.split(','));
    members.map(str::trim).filter(|member| !member.is_empty())
}

/// Whether this is a host with an optional port, and nothing else (RFC 3986 §3.2.2, without what no name in DNS has).
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

    /// Lines of `X-Forwarded-Proto`, of `X-Forwarded-Host`, and what they say.
    type Case = (
        &'static [&'static str],
        &'static [&'static str],
        Result<Option<&'static str>, ForwardedError>,
    );

    #[test]
    fn the_origin_is_found_in_every_known_form() {
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
            // What is not said.
            (&[], &["app.example"], Ok(None)),
            (&["https"], &[], Ok(None)),
            (&["", ","], &["app.example"], Ok(None)),
            (&["https"], &[""], Ok(None)),
            // What is not of these forms.
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
    fn the_address_is_found_in_every_known_form() {
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
