//! JSON Web Signatures in compact serialization, parsed strictly (RFC 7515 §7.1, RFC 8725 §3).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::de::DeserializeOwned;

/// A JWS whose signature has not been verified.
#[derive(Clone, Copy, Debug)]
pub struct Unverified<'a> {
    /// The signing input: header and payload as they were received.
    pub message: &'a str,
    /// The signature in base64url.
    pub signature: &'a str,
    header: &'a str,
    payload: &'a str,
}

impl<'a> Unverified<'a> {
    /// Splits a text into its segments. `None`: it is longer than `max_length` bytes, or does not have three segments.
    #[must_use]
    pub fn split(text: &'a str, max_length: usize) -> Option<Self> {
        if text.len() > max_length {
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

    /// The header, if it can be deserialized. A duplicate name is rejected where `T` has a field for it.
    #[must_use]
    pub fn header<T: DeserializeOwned>(&self) -> Option<T> {
        parse(self.header)
    }

    /// The payload, under the same conditions.
    #[must_use]
    pub fn payload<T: DeserializeOwned>(&self) -> Option<T> {
        parse(self.payload)
    }
}

/// Decodes base64url, which must be canonical and without padding, and deserializes JSON.
fn parse<T: DeserializeOwned>(segment: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Eq)]
    struct Content {
        a: u8,
    }

    fn parsed(text: &str) -> Option<(Content, Content)> {
        let jws = Unverified::split(text, 32)?;
        Some((jws.header()?, jws.payload()?))
    }

    #[test]
    fn only_three_canonical_segments_are_parsed() {
        // {"a":1} and {"a":2}
        let valid = "eyJhIjoxfQ.eyJhIjoyfQ.c2ln";
        assert_eq!(parsed(valid), Some((Content { a: 1 }, Content { a: 2 })));
        let jws = Unverified::split(valid, valid.len()).unwrap();
        assert_eq!(
            (jws.message, jws.signature),
            ("eyJhIjoxfQ.eyJhIjoyfQ", "c2ln")
        );
        for malformed in [
            "",
            "eyJhIjoxfQ",
            "eyJhIjoxfQ.eyJhIjoyfQ",
            "eyJhIjoxfQ.eyJhIjoyfQ.c2ln.c2ln",
            "eyJhIjoxfQ==.eyJhIjoyfQ.c2ln",
            // The last character has bits that belong to no byte.
            "eyJhIjoxfR.eyJhIjoyfQ.c2ln",
            "e30.eyJhIjoyfQ.c2ln",
            // {"a":1,"a":1}
            "eyJhIjoxLCJhIjoxfQ.e30.c2ln",
        ] {
            assert_eq!(parsed(malformed), None, "{malformed}");
        }
        assert!(Unverified::split(valid, valid.len() - 1).is_none());
    }
}
