//! Redirect targets within this origin.

use std::{fmt, str::FromStr};

/// A path with an optional query. It begins with exactly one slash, so that no browser reads it as another host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPath(String);

/// A text that may lead to another origin, or is too long.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a path on this site")]
pub struct NotLocal;

impl LocalPath {
    /// Length limit in bytes. Applications keep filters and forms in the query, percent-encoded.
    const MAX_LENGTH: usize = 8 * 1024;

    /// The target after a sign-in that was not started by another page.
    #[must_use]
    pub fn dashboard() -> Self {
        Self("/dashboard".to_owned())
    }

    /// The text, which is valid in a `Location` header.
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
    fn local_path_is_accepted() {
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
    fn path_to_another_origin_is_refused() {
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
