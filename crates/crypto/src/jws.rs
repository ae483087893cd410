//! JSON Web Signatures in their compact form, taken apart strictly (RFC 7515 §7.1, RFC 8725 §3).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::de::DeserializeOwned;

/// One whose signature nobody has looked at.
#[derive(Clone, Copy, Debug)]
pub struct Unverified<'a> {
    /// What is signed: the header and the payload, as they were written.
    pub message: &'a str,
    /// In base64url.
    pub signature: &'a str,
    header: &'a str,
    payload: &'a str,
}

impl<'a> Unverified<'a> {
    /// Takes a text apart; `None` if it is longer than `most` bytes or has not three segments.
    #[must_use]
    pub fn split(text: &'a str, most: usize) -> Option<Self> {
        if text.len() > most {
            return None;
        }
        let (message, signature) = text.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        (!payload.contains('.')).then_some(Self {
            message,
            signature,
            header,
            payload,
        })
    }

    /// The header, where it has the form of `T`. A name that comes twice is refused where `T` has a field for it.
    #[must_use]
    pub fn header<T: DeserializeOwned>(&self) -> Option<T> {
        parse(self.header)
    }

    /// The payload, likewise.
    #[must_use]
    pub fn payload<T: DeserializeOwned>(&self) -> Option<T> {
        parse(self.payload)
    }
}

/// Canonical base64url without padding, then JSON.
fn parse<T: DeserializeOwned>(segment: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Eq)]
    struct Says {
        a: u8,
    }

    fn said(text: &str) -> Option<(Says, Says)> {
        let jws = Unverified::split(text, 32)?;
        Some((jws.header()?, jws.payload()?))
    }

    #[test]
    fn three_canonical_segments_are_read_and_nothing_else() {
        // {"a":1} and {"a":2}
        let good = "eyJhIjoxfQ.eyJhIjoyfQ.c2ln";
        assert_eq!(said(good), Some((Says { a: 1 }, Says { a: 2 })));
        let jws = Unverified::split(good, good.len()).unwrap();
        assert_eq!(
            (jws.message, jws.signature),
            ("eyJhIjoxfQ.eyJhIjoyfQ", "c2ln")
        );
        for bad in [
            "",
            "eyJhIjoxfQ",
            "eyJhIjoxfQ.eyJhIjoyfQ",
            "eyJhIjoxfQ.eyJhIjoyfQ.c2ln.c2ln",
            "eyJhIjoxfQ==.eyJhIjoyfQ.c2ln",
            // The last letter has bits that no byte takes.
            "eyJhIjoxfR.eyJhIjoyfQ.c2ln",
            "e30.eyJhIjoyfQ.c2ln",
            // {"a":1,"a":1}
            "eyJhIjoxLCJhIjoxfQ.e30.c2ln",
        ] {
            assert_eq!(said(bad), None, "{bad}");
        }
        assert!(Unverified::split(good, good.len() - 1).is_none());
    }
}
