//! The seal of records that are stored under a session id, so that read access to the store gives no access to a session.
//!
//! The key in the store is a hash of the session id, and the value is encrypted with a key derived from the session id, which only the
//! cookie contains. It opens only under the same key and with the same expiry.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest, hkdf,
};
use zeroize::Zeroizing;

use crate::session::session_id::SessionId;

/// The layout of a sealed record: this byte, the nonce, the ciphertext with its tag.
const VERSION: u8 = 2;

/// Length limit of a sealed record, in bytes.
const MAX_SIZE: usize = 8 * 1024;

/// The kind of a record under a session id. Each kind has its own key in the store and its own encryption key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The session with this id.
    Session,
    /// The successor of the session with this id.
    Successor,
}

impl Kind {
    const fn key_label(self) -> &'static [u8] {
        match self {
            Self::Session => b"holdfast session key v1",
            Self::Successor => b"holdfast session successor key v1",
        }
    }

    const fn seal_label(self) -> &'static [u8] {
        match self {
            Self::Session => b"holdfast session record v1",
            Self::Successor => b"holdfast session successor v1",
        }
    }
}

/// The key of a record in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordKey([u8; 16]);

impl RecordKey {
    /// The first 128 bits of SHA-256 over a label and the id.
    pub(super) fn of(kind: Kind, id: &SessionId) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(kind.key_label());
        hash.update(id.as_bytes());
        let hash = hash.finish();
        let mut key = [0; 16];
        key.copy_from_slice(hash.as_ref().get(..16).unwrap_or(&[0; 16]));
        Self(key)
    }

    /// The 16 bytes of the key.
    pub(super) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// A record that cannot be sealed or opened.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the session record does not open")]
pub(super) struct DoesNotOpen;

/// Seals a record; `expiry` is the expiry in the store, in seconds since 1970.
///
/// # Errors
/// When the record is too long, or the cryptographic library fails.
pub(super) fn seal(
    (kind, id): (Kind, &SessionId),
    expiry: i64,
    record: &[u8],
) -> Result<Vec<u8>, DoesNotOpen> {
    if record.len() > MAX_SIZE / 2 {
        return Err(DoesNotOpen);
    }
    let mut text = record.to_vec();
    let nonce = key(kind, id)?
        .seal_in_place_append_tag(aad(kind, id, expiry), &mut text)
        .map_err(|_| DoesNotOpen)?;
    Ok([&[VERSION], nonce.as_ref().as_slice(), &text].concat())
}

/// Opens a sealed record.
///
/// # Errors
/// When the record was changed, belongs to another session or kind, is too long, or has another version.
pub(super) fn open(
    (kind, id): (Kind, &SessionId),
    expiry: i64,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
    let in_bounds = Some(sealed).filter(|sealed| sealed.len() <= MAX_SIZE);
    let Some((&VERSION, rest)) = in_bounds.and_then(<[u8]>::split_first) else {
        return Err(DoesNotOpen);
    };
    let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or(DoesNotOpen)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| DoesNotOpen)?;
    let mut text = Zeroizing::new(text.to_vec());
    let length = key(kind, id)?
        .open_in_place(nonce, aad(kind, id, expiry), &mut text)
        .map_err(|_| DoesNotOpen)?
        .len();
    text.truncate(length);
    Ok(text)
}

fn key(kind: Kind, id: &SessionId) -> Result<RandomizedNonceKey, DoesNotOpen> {
    let mut bytes = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
        .extract(id.as_bytes())
        .expand(&[kind.seal_label()], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(bytes.as_mut()))
        .map_err(|_| DoesNotOpen)?;
    RandomizedNonceKey::new(&AES_256_GCM, bytes.as_ref()).map_err(|_| DoesNotOpen)
}

fn aad(kind: Kind, id: &SessionId, expiry: i64) -> Aad<Vec<u8>> {
    let key = RecordKey::of(kind, id);
    Aad::from([&[VERSION], key.as_bytes().as_slice(), &expiry.to_be_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use holdfast_crypto::random::SystemRandom;

    use super::*;

    #[test]
    fn record_opens_for_its_session_kind_and_expiry_only() {
        let (one, two) = (
            SessionId::random(&SystemRandom),
            SessionId::random(&SystemRandom),
        );
        let mine = (Kind::Session, &one);
        let sealed = seal(mine, 7, b"record").unwrap();
        assert_eq!(open(mine, 7, &sealed).unwrap().as_slice(), b"record");
        assert_eq!(open(mine, 8, &sealed).unwrap_err(), DoesNotOpen);
        for other in [(Kind::Session, &two), (Kind::Successor, &one)] {
            assert_eq!(open(other, 7, &sealed).unwrap_err(), DoesNotOpen);
        }
    }

    #[test]
    fn kinds_have_different_keys() {
        let id = SessionId::random(&SystemRandom);
        let place = |kind| RecordKey::of(kind, &id);
        assert_ne!(place(Kind::Session), place(Kind::Successor));
    }

    #[test]
    fn record_with_flipped_bit_does_not_open() {
        let id = SessionId::random(&SystemRandom);
        let sealed = seal((Kind::Session, &id), 7, b"record").unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                open((Kind::Session, &id), 7, &changed).unwrap_err(),
                DoesNotOpen,
                "bit {bit}"
            );
        }
        for length in 0..sealed.len() {
            assert_eq!(
                open((Kind::Session, &id), 7, &sealed[..length]).unwrap_err(),
                DoesNotOpen
            );
        }
    }

    #[test]
    fn record_too_long_or_of_another_version_is_refused() {
        let id = SessionId::random(&SystemRandom);
        assert!(seal((Kind::Session, &id), 7, &[0; MAX_SIZE]).is_err());
        assert!(open((Kind::Session, &id), 7, &[VERSION; MAX_SIZE + 1]).is_err());
        let sealed = seal((Kind::Session, &id), 7, b"record").unwrap();
        for version in (0..=u8::MAX).filter(|version| *version != VERSION) {
            let other = [&[version], &sealed[1..]].concat();
            assert_eq!(
                open((Kind::Session, &id), 7, &other).unwrap_err(),
                DoesNotOpen
            );
        }
    }

    #[test]
    fn sealed_record_contains_neither_id_nor_content() {
        let id = SessionId::random(&SystemRandom);
        let sealed = seal((Kind::Session, &id), 7, b"record").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"record"));
        assert_ne!(RecordKey::of(Kind::Session, &id).as_bytes(), id.as_bytes());
    }
}
