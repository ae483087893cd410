//! Where to go on this site, and nowhere else.

use std::{fmt, str::FromStr};

/// A path with an optional query on this site: it begins with one slash and can lead to no other host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPath(String);

/// The text may lead elsewhere.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a path on this site")]
pub struct NotLocal;

impl LocalPath {
    /// In bytes. Applications keep what a page shows in its address, with every letter escaped.
    const MAX_LENGTH: usize = 8 * 1024;

    /// Where people go after signing in when nothing else was asked for.
    #[must_use]
    pub fn dashboard() -> Self {
        Self("/dashboard".to_owned())
    }

    /// The text, fit for a `Location` header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LocalPath {
    type Err = NotLocal;

    /// Browsers read `//host`, `/\host` and paths with a tab or newline between the slashes as other hosts.
    fn from_str(text: &str) -> Result<Self, NotLocal> {
        let visible = text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let one_slash = text.starts_with('/') && !text.starts_with("//");
        if visible && one_slash && text.len() <= Self::MAX_LENGTH {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotLocal)
        }
    }
}

impl fmt::Display for LocalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_on_this_site_pass() {
        for text in [
            "/",
            "/dashboard",
            "/a/b?c=d&e=%2F%2Fevil.example",
            "/a//b",
            "/@evil.example",
        ] {
            assert_eq!(text.parse::<LocalPath>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn whatever_may_lead_elsewhere_does_not() {
        let long = format!("/{}", "a".repeat(LocalPath::MAX_LENGTH));
        for text in [
            "",
            "dashboard",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            " /dashboard",
            "/dash board",
            "/päth",
            "/a\r\nSet-Cookie: x",
            long.as_str(),
        ] {
            assert_eq!(text.parse::<LocalPath>(), Err(NotLocal), "{text:?}");
        }
    }
}
