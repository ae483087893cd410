//! Login tickets and refresh tokens: the identifier of a login or grant, a generation, and a MAC (HMAC-SHA-256) over both.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_identity::{
    id::{GrantId, Sid},
    login::Generation,
    token::{RefreshHandle, RefreshTokenCodec},
};
use zeroize::Zeroizing;

const ID: usize = 16;
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

/// The prefix of a login ticket, by which people and secret scanners recognize it. The MAC includes it, so that neither kind is valid as
/// the other.
const TICKET_PREFIX: &str = "hft_";
/// The prefix of a refresh token.
const REFRESH_PREFIX: &str = "hfr_";
/// In place of the generation of a login ticket.
const TICKET: i64 = 0;

impl RefreshTokenKey {
    fn mac(&self, prefix: &str, body: &[u8]) -> hmac::Tag {
        hmac::sign(&self.0, &mac_input(prefix, body))
    }
}

fn mac_input(prefix: &str, body: &[u8]) -> Vec<u8> {
    [prefix.as_bytes(), body].concat()
}

impl RefreshTokenCodec for RefreshTokenKey {
    fn encode(&self, handle: RefreshHandle) -> String {
        let (prefix, id, number) = match handle {
            RefreshHandle::LoginTicket(sid) => (TICKET_PREFIX, *sid.as_bytes(), TICKET),
            RefreshHandle::RefreshToken(grant, Generation(number)) => {
                (REFRESH_PREFIX, *grant.as_bytes(), number)
            }
        };
        let body = [id.as_slice(), &number.to_be_bytes()].concat();
        let mac = self.mac(prefix, &body);
        let text = URL_SAFE_NO_PAD.encode([&body, mac.as_ref()].concat());
        format!("{prefix}{text}")
    }

    fn decode(&self, text: &str) -> Option<RefreshHandle> {
        let (prefix, encoded) = [TICKET_PREFIX, REFRESH_PREFIX]
            .into_iter()
            .find_map(|prefix| Some((prefix, text.strip_prefix(prefix)?)))?;
        let mut bytes = [0; ID + GENERATION + MAC];
        let length = URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes).ok()?;
        let (body, mac) = bytes.get(..length)?.split_at_checked(ID + GENERATION)?;
        hmac::verify(&self.0, &mac_input(prefix, body), mac).ok()?;
        let (id, number) = body.split_at(ID);
        let id: [u8; ID] = id.try_into().ok()?;
        let number = i64::from_be_bytes(number.try_into().ok()?);
        if prefix == TICKET_PREFIX {
            Some(RefreshHandle::LoginTicket(Sid::from_bytes(id)))
        } else {
            let grant = GrantId::from_bytes(id);
            Some(RefreshHandle::RefreshToken(grant, Generation(number)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> RefreshTokenKey {
        RefreshTokenKey::new(&Zeroizing::new(vec![byte; 32]))
    }

    const HANDLE: RefreshHandle =
        RefreshHandle::RefreshToken(GrantId::from_bytes([7; 16]), Generation(41));

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
