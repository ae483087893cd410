//! Login tickets and refresh tokens: a login's `sid`, a generation, and a MAC over both.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_identity::{
    id::Sid,
    login::Generation,
    store::RefreshTokenCodec,
    token::{HandleKind, RefreshHandle},
};
use zeroize::Zeroizing;

const SID: usize = 16;
const GENERATION: usize = 8;
const MAC: usize = 32;

/// The key that makes and recognises the credentials of logins. A text that it did not make is told without a look at
/// the database.
pub struct RefreshTokenKey(hmac::Key);

impl RefreshTokenKey {
    /// Takes 32 random bytes.
    #[must_use]
    pub fn new(bytes: &Zeroizing<Vec<u8>>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }
}

/// Recognisable by people and by secret scanners.
const fn prefix(kind: HandleKind) -> &'static str {
    match kind {
        HandleKind::LoginTicket => "hft_",
        HandleKind::RefreshToken => "hfr_",
    }
}

/// What the MAC covers: the prefix keeps tickets and refresh tokens apart.
fn message(kind: HandleKind, body: &[u8]) -> Vec<u8> {
    [prefix(kind).as_bytes(), body].concat()
}

impl RefreshTokenCodec for RefreshTokenKey {
    fn seal(&self, credential: RefreshHandle) -> String {
        let generation = credential.generation.0.to_be_bytes();
        let body = [credential.sid.as_bytes().as_slice(), &generation].concat();
        let mac = hmac::sign(&self.0, &message(credential.kind, &body));
        let text = URL_SAFE_NO_PAD.encode([&body, mac.as_ref()].concat());
        format!("{}{text}", prefix(credential.kind))
    }

    fn open(&self, text: &str) -> Option<RefreshHandle> {
        let (kind, encoded) = [HandleKind::LoginTicket, HandleKind::RefreshToken]
            .into_iter()
            .find_map(|kind| Some((kind, text.strip_prefix(prefix(kind))?)))?;
        let mut bytes = [0; SID + GENERATION + MAC];
        let length = URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes).ok()?;
        let (body, mac) = bytes.get(..length)?.split_at_checked(SID + GENERATION)?;
        hmac::verify(&self.0, &message(kind, body), mac).ok()?;
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

    const CREDENTIAL: RefreshHandle = RefreshHandle {
        kind: HandleKind::RefreshToken,
        sid: Sid::from_bytes([7; 16]),
        generation: Generation(41),
    };

    #[test]
    fn opens_what_it_sealed() {
        let text = key(1).seal(CREDENTIAL);
        assert!(text.starts_with("hfr_"));
        assert_eq!(key(1).open(&text), Some(CREDENTIAL));
        assert_eq!(key(2).open(&text), None);
    }

    #[test]
    fn a_refresh_token_does_not_pass_as_a_ticket() {
        let text = key(1).seal(CREDENTIAL).replace("hfr_", "hft_");
        assert_eq!(key(1).open(&text), None);
    }

    #[test]
    fn every_change_is_noticed() {
        let text = key(1).seal(CREDENTIAL);
        for index in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(
                key(1).open(std::str::from_utf8(&changed).unwrap()),
                None,
                "{index}"
            );
        }
        for junk in [
            "",
            "hfr_",
            "hfr_AAAA",
            &text[..text.len() - 1],
            &format!("{text}AAAA"),
        ] {
            assert_eq!(key(1).open(junk), None, "{junk}");
        }
    }
}
