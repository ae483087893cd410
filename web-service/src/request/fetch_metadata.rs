//! The initiator of a request by fetch metadata and `Origin` (W3C Fetch Metadata, RFC 6454).

/// The page that made the browser send a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestInitiator {
    /// A page of this origin.
    SameOrigin,
    /// A page of another origin, which may be of the same site; or the headers contradict each other.
    Foreign,
    /// Unknown: the request has neither header, and comes from an old browser or from a program.
    Unknown,
}

/// Classifies a request by `Sec-Fetch-Site`, or by `Origin` where that is absent. `own_origin` comes from the configuration, never from
/// `Host`; without it, an `Origin` cannot be compared. Repeated headers are passed joined by commas, which matches no accepted value.
///
/// `Origin: null` contradicts nothing: browsers send it with forms of pages whose `Referrer-Policy` is `no-referrer`.
#[must_use]
pub fn classify(
    sec_fetch_site: Option<&[u8]>,
    origin: Option<&[u8]>,
    own_origin: Option<&str>,
) -> RequestInitiator {
    let own = own_origin.map(str::as_bytes);
    match (sec_fetch_site, origin) {
        (None, None) => RequestInitiator::Unknown,
        (Some(b"same-origin"), None | Some(b"null")) => RequestInitiator::SameOrigin,
        (Some(b"same-origin"), Some(origin)) if own.is_none_or(|own| own == origin) => {
            RequestInitiator::SameOrigin
        }
        (None, Some(origin)) if own == Some(origin) => RequestInitiator::SameOrigin,
        (Some(_), _) | (None, Some(_)) => RequestInitiator::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://localhost:8443";

    #[test]
    fn only_exact_own_origin_is_same_origin() {
        let cases: [(Option<&str>, Option<&str>, RequestInitiator); 18] = [
            (Some("same-origin"), None, RequestInitiator::SameOrigin),
            (Some("same-origin"), Some(OWN), RequestInitiator::SameOrigin),
            (Some("same-site"), Some(OWN), RequestInitiator::Foreign),
            (Some("cross-site"), Some(OWN), RequestInitiator::Foreign),
            (Some("none"), None, RequestInitiator::Foreign),
            (Some("Same-Origin"), None, RequestInitiator::Foreign),
            (None, Some(OWN), RequestInitiator::SameOrigin),
            (None, Some("null"), RequestInitiator::Foreign),
            (None, Some("https://localhost"), RequestInitiator::Foreign),
            (
                None,
                Some("http://localhost:8443"),
                RequestInitiator::Foreign,
            ),
            (
                None,
                Some("https://localhost:8443.evil.example"),
                RequestInitiator::Foreign,
            ),
            (None, None, RequestInitiator::Unknown),
            (
                Some("same-origin"),
                Some("null"),
                RequestInitiator::SameOrigin,
            ),
            (
                Some("same-origin"),
                Some("https://evil.example"),
                RequestInitiator::Foreign,
            ),
            (
                Some("same-origin"),
                Some("https://localhost"),
                RequestInitiator::Foreign,
            ),
            (
                Some("same-origin, same-origin"),
                Some(OWN),
                RequestInitiator::Foreign,
            ),
            (
                Some("same-origin, cross-site"),
                None,
                RequestInitiator::Foreign,
            ),
            (
                Some("same-origin"),
                Some("https://localhost:8443, https://localhost:8443"),
                RequestInitiator::Foreign,
            ),
        ];
        for (site, origin, expected) in cases {
            let initiator = classify(
                site.map(str::as_bytes),
                origin.map(str::as_bytes),
                Some(OWN),
            );
            assert_eq!(initiator, expected, "{site:?} {origin:?}");
        }
    }

    #[test]
    fn without_own_origin_only_fetch_metadata_counts() {
        let initiator = |site: Option<&str>, origin: Option<&str>| {
            classify(site.map(str::as_bytes), origin.map(str::as_bytes), None)
        };
        assert_eq!(
            initiator(Some("same-origin"), Some(OWN)),
            RequestInitiator::SameOrigin
        );
        assert_eq!(
            initiator(Some("same-site"), Some(OWN)),
            RequestInitiator::Foreign
        );
        assert_eq!(initiator(None, Some(OWN)), RequestInitiator::Foreign);
    }
}
