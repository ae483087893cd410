//! Where a request that changes something comes from, as the browser itself tells (Fetch Metadata, RFC 6454).

/// What the browser says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// A page of this site.
    SameOrigin,
    /// Any other page, also one of a sibling host.
    Foreign,
    /// Nothing: no browser of this decade, or none at all.
    Unknown,
}

/// Judges by `Sec-Fetch-Site`, or by `Origin` where that is absent. The expected origin comes from configuration, never
/// from `Host`.
#[must_use]
pub fn judge(sec_fetch_site: Option<&[u8]>, origin: Option<&[u8]>, own_origin: &str) -> Provenance {
    match (sec_fetch_site, origin) {
        (Some(b"same-origin"), _) => Provenance::SameOrigin,
        (None, Some(origin)) if origin == own_origin.as_bytes() => Provenance::SameOrigin,
        (None, None) => Provenance::Unknown,
        (Some(_), _) | (None, Some(_)) => Provenance::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://localhost:8443";

    #[test]
    fn only_this_very_origin_is_ours() {
        let cases: [(Option<&str>, Option<&str>, Provenance); 12] = [
            (Some("same-origin"), None, Provenance::SameOrigin),
            (Some("same-origin"), Some(OWN), Provenance::SameOrigin),
            (Some("same-site"), Some(OWN), Provenance::Foreign),
            (Some("cross-site"), Some(OWN), Provenance::Foreign),
            (Some("none"), None, Provenance::Foreign),
            (Some("Same-Origin"), None, Provenance::Foreign),
            (None, Some(OWN), Provenance::SameOrigin),
            (None, Some("null"), Provenance::Foreign),
            (None, Some("https://localhost"), Provenance::Foreign),
            (None, Some("http://localhost:8443"), Provenance::Foreign),
            (
                None,
                Some("https://localhost:8443.evil.example"),
                Provenance::Foreign,
            ),
            (None, None, Provenance::Unknown),
        ];
        for (site, origin, expected) in cases {
            let judged = judge(site.map(str::as_bytes), origin.map(str::as_bytes), OWN);
            assert_eq!(judged, expected, "{site:?} {origin:?}");
        }
    }
}
