//! Login tickets and refresh tokens: the `sid` of a login, a generation, and a MAC (HMAC-SHA-256) over both.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_identity::{
    id::Sid,
    login::Generation,
    token::{HandleKind, RefreshHandle, RefreshTokenCodec},
};
use zeroize::Zeroizing;

const SID: usize = 16;
const GENERATION: usize = 8;
const MAC: usize = 32;

/// The MAC key of login tickets and refresh tokens. Tokens that it did not make are rejected without reading the database.
pub struct RefreshTokenKey(hmac::Key);

impl RefreshTokenKey {
    /// The key from 32 random bytes.
    #[must_use]
    pub fn new(bytes: &Zeroizing<Vec<u8>>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }
}

/// The prefix of a token, by which people and secret scanners recognize it.
const fn prefix(kind: HandleKind) -> &'static str {
    match kind {
        HandleKind::LoginTicket => "hft_",
        HandleKind::RefreshToken => "hfr_",
    }
}

/// The input of the MAC. It includes the prefix, so that neither kind is valid as the other.
fn mac_input(kind: HandleKind, body: &[u8]) -> Vec<u8> {
    [prefix(kind).as_bytes(), body].concat()
}

impl RefreshTokenCodec for RefreshTokenKey {
    fn encode(&self, handle: RefreshHandle) -> String {
        let generation = handle.generation.0.to_be_bytes();
        let body = [handle.sid.as_bytes().as_slice(), &generation].concat();
        let mac = hmac::sign(&self.0, &mac_input(handle.kind, &body));
        let text = URL_SAFE_NO_PAD.encode([&body, mac.as_ref()].concat());
        format!("{}{text}", prefix(handle.kind))
    }

    fn decode(&self, text: &str) -> Option<RefreshHandle> {
        let (kind, encoded) = [HandleKind::LoginTicket, HandleKind::RefreshToken]
            .into_iter()
            .find_map(|kind| Some((kind, text.strip_prefix(prefix(kind))?)))?;
        let mut bytes = [0; SID + GENERATION + MAC];
        let length = URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes).ok()?;
        let (body, mac) = bytes.get(..length)?.split_at_checked(SID + GENERATION)?;
        hmac::verify(&self.0, &mac_input(kind, body), mac).ok()?;
        let (sid, generation) = body.split_at(SID);
        Some(RefreshHandle {
            kind,
            sid: Sid::from_bytes(sid.try_into().ok()?),
            generation: Generation(i64::from_be_bytes(generation.try_into().ok()?)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> RefreshTokenKey {
        RefreshTokenKey::new(&Zeroizing::new(vec![byte; 32]))
    }

    const HANDLE: RefreshHandle = RefreshHandle {
        kind: HandleKind::RefreshToken,
        sid: Sid::from_bytes([7; 16]),
        generation: Generation(41),
    };

    #[test]
    fn encoded_handle_decodes_under_its_key_only() {
        let text = key(1).encode(HANDLE);
        assert!(text.starts_with("hfr_"));
        assert_eq!(key(1).decode(&text), Some(HANDLE));
        assert_eq!(key(2).decode(&text), None);
    }

    #[test]
    fn refresh_token_with_ticket_prefix_is_refused() {
        let text = key(1).encode(HANDLE).replace("hfr_", "hft_");
        assert_eq!(key(1).decode(&text), None);
    }

    #[test]
    fn changed_text_is_refused() {
        let text = key(1).encode(HANDLE);
        for index in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(
                key(1).decode(std::str::from_utf8(&changed).unwrap()),
                None,
                "{index}"
            );
        }
        for malformed in [
            "",
            "hfr_",
            "hfr_AAAA",
            &text[..text.len() - 1],
            &format!("{text}AAAA"),
        ] {
            assert_eq!(key(1).decode(malformed), None, "{malformed}");
        }
    }
}
