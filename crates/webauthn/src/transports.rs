//! How a browser can reach an authenticator.

use serde::Serialize;

/// Maximum number of transports that are kept.
const MAX: usize = 8;

/// Maximum length of one, in bytes.
const MAX_LENGTH: usize = 32;

/// Transports of a credential, such as `internal`, `hybrid` and `usb` (WebAuthn §5.8.4): hints that are given back to the browser. Unknown ones
/// are kept, as the specification asks for; what is no lower-case word is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Transports(Vec<String>);

impl Transports {
    /// Returns the transports, each once, in lexicographic order (WebAuthn §5.2.1.1).
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Into<String>> FromIterator<T> for Transports {
    fn from_iter<I: IntoIterator<Item = T>>(texts: I) -> Self {
        let texts = texts.into_iter().map(Into::into);
        let mut transports: Vec<String> = texts.filter(|text| is_transport(text)).collect();
        transports.sort_unstable();
        transports.dedup();
        transports.truncate(MAX);
        Self(transports)
    }
}

fn is_transport(text: &str) -> bool {
    let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transports_are_sorted_and_bounded() {
        let long = "a".repeat(MAX_LENGTH + 1);
        let texts = [
            "usb",
            "hybrid",
            "usb",
            "future-one",
            "",
            "a b",
            "ü",
            "USB",
            &long,
        ];
        let transports: Transports = texts.into_iter().collect();
        assert_eq!(
            transports.iter().collect::<Vec<_>>(),
            ["future-one", "hybrid", "usb"]
        );
        let many: Transports = (0..100).map(|number| number.to_string()).collect();
        assert_eq!(many.iter().count(), MAX);
        assert!(Transports::default().is_empty());
    }
}
