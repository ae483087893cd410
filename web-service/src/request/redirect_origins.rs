//! Allowed redirect targets at other origins: the applications behind a reverse proxy.

use url::Url;

/// The origins of `WEB_RETURN_ORIGINS`, in the form of the header `Origin`. They are compared exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedRedirectOrigins(Vec<String>);

impl AllowedRedirectOrigins {
    /// Origins in the form of the header `Origin`, such as `https://app.example:8443`.
    #[must_use]
    pub const fn new(origins: Vec<String>) -> Self {
        Self(origins)
    }

    /// Whether `origin` is allowed.
    #[must_use]
    pub fn contains(&self, origin: &str) -> bool {
        self.0.iter().any(|one| one == origin)
    }

    /// Whether there is an origin other than `own`.
    #[must_use]
    pub fn has_others(&self, own: &str) -> bool {
        self.0.iter().any(|one| one != own)
    }

    /// The origins, in the order of the setting.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Parses a URL, by the rules of browsers, that leads to an allowed origin. URLs of other schemes, such as `blob:https://…`, have an
    /// origin, too, and are refused.
    #[must_use]
    pub fn accept(&self, url: &str) -> Option<Url> {
        let url = Url::parse(url).ok()?;
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let is_plain = url.username().is_empty() && url.password().is_none();
        (is_plain && self.contains(&url.origin().ascii_serialization())).then_some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_url_of_exact_origin_is_accepted() {
        let origins = AllowedRedirectOrigins::new(vec!["https://app.example".into()]);
        assert!(origins.accept("https://app.example/a?b").is_some());
        assert!(origins.accept("https://app.example:443/").is_some());
        for url in [
            "https://app.example.evil/",
            "https://app.example@evil.example/",
            "https://user@app.example/",
            "https://app.example:8443/",
            "http://app.example/",
            "//app.example/",
            "/a",
            "javascript:alert(1)",
            "blob:https://app.example/67e55044-10b1-426f-9247-bb680e5fe0c8",
            "filesystem:https://app.example/temporary/a",
            "view-source:https://app.example/",
            "wss://app.example/",
            "ftp://app.example/",
            "",
        ] {
            assert!(origins.accept(url).is_none(), "{url}");
        }
    }
}
