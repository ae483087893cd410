//! Where a request that changes something comes from, as the browser itself tells (Fetch Metadata, RFC 6454).

/// What the browser says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestInitiator {
    /// A page of this site.
    SameOrigin,
    /// Any other page, also one of a sibling host.
    Foreign,
    /// Nothing: no browser of this decade, or none at all.
    Unknown,
}

/// Judges by `Sec-Fetch-Site`, or by `Origin` where that is absent. Where the two contradict each other, no browser sent them. The
/// expected origin comes from configuration, never from `Host`; `None`: it is not known, and nothing can be compared with it. What
/// came more than once is passed on joined by commas, and so is none of the values that count.
///
/// `Origin: null` contradicts nothing: browsers send it with the forms of pages whose `Referrer-Policy` is `no-referrer`.
#[must_use]
pub fn verify(
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
    fn only_this_very_origin_is_ours() {
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
            let judged = verify(
                site.map(str::as_bytes),
                origin.map(str::as_bytes),
                Some(OWN),
            );
            assert_eq!(judged, expected, "{site:?} {origin:?}");
        }
    }

    #[test]
    fn of_an_origin_that_is_not_known_only_the_browsers_own_word_counts() {
        let judged = |site: Option<&str>, origin: Option<&str>| {
            verify(site.map(str::as_bytes), origin.map(str::as_bytes), None)
        };
        assert_eq!(
            judged(Some("same-origin"), Some(OWN)),
            RequestInitiator::SameOrigin
        );
        assert_eq!(
            judged(Some("same-site"), Some(OWN)),
            RequestInitiator::Foreign
        );
        assert_eq!(judged(None, Some(OWN)), RequestInitiator::Foreign);
    }
}
