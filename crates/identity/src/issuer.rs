//! Comparison of issuer identifiers.

/// Whether `name` denotes `issuer`, an origin in its normal form, in any equivalent spelling (RFC 3986 §6.2.2, §6.2.3): with
/// capitals, with the scheme's default port, with a trailing slash. Tokens of earlier versions carry the setting as it was written.
#[must_use]
pub fn is_equivalent_issuer(issuer: &str, name: &str) -> bool {
    let Some((start, end)) = name.split_at_checked(issuer.len()) else {
        return false;
    };
    let end = end.strip_suffix('/').unwrap_or(end);
    let has_port = issuer.matches(':').count() > 1;
    let is_default_port = match end {
        "" => true,
        ":443" => !has_port && issuer.starts_with("https:"),
        ":80" => !has_port && issuer.starts_with("http:"),
        _ => false,
    };
    is_default_port && start.eq_ignore_ascii_case(issuer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equivalent_spellings_denote_the_same_issuer() {
        for (issuer, name, is_same) in [
            ("https://id.example", "https://id.example", true),
            ("https://id.example", "https://id.example/", true),
            ("https://id.example", "HTTPS://ID.example:443", true),
            ("https://id.example", "https://id.example:443/", true),
            ("https://id.example:8443", "https://id.example:8443/", true),
            ("http://localhost", "http://localhost:80/", true),
            ("https://id.example", "https://id.example:80", false),
            ("https://id.example", "https://id.example:8443", false),
            (
                "https://id.example:8443",
                "https://id.example:8443:443",
                false,
            ),
            ("https://id.example", "https://id.example//", false),
            ("https://id.example", "https://id.example/app", false),
            ("https://id.example", "https://id.example.evil", false),
            ("https://id.example", "http://id.example", false),
            ("https://id.example", "https://id.exampl", false),
            ("https://id.example", "https://id.exampl\u{e9}", false),
            ("https://id.example", "", false),
        ] {
            assert_eq!(is_equivalent_issuer(issuer, name), is_same, "{name}");
        }
    }
}
