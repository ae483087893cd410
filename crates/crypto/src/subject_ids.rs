//! Pairwise subject identifiers (OpenID Connect Core 1.0 §8.1): an identifier, encrypted as one block with a key of the sector.
//!
//! AES is a permutation of blocks, so that two accounts never have the same identifier in a sector, and an identifier can be decrypted where a
//! token comes back. Identifiers of accounts and of logins have different keys.

use aws_lc_rs::{
    cipher::{AES_256, DecryptingKey, DecryptionContext, EncryptingKey, UnboundCipherKey},
    hmac,
};
use holdfast_identity::{
    id::{SessionId, Sid, SubjectId, UserId},
    oauth::{Sector, SubjectIdCodec, SubjectIds},
};
use zeroize::Zeroizing;

/// What an identifier identifies, as part of its key. The bytes must not change.
const ACCOUNT: &[u8] = b"account";
const LOGIN: &[u8] = b"login";

type Id = [u8; 16];

/// The key from which those of all sectors are derived.
pub struct SubjectIdKey(hmac::Key);

impl SubjectIdKey {
    /// The key from 32 random bytes.
    #[must_use]
    pub fn new(bytes: &Zeroizing<Vec<u8>>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The key of identifiers of this kind in this sector.
    #[expect(clippy::expect_used, reason = "the hash has the length of the key")]
    fn derive(&self, kind: &[u8], sector: &Sector) -> UnboundCipherKey {
        let mut mac = hmac::Context::with_key(&self.0);
        for part in [kind, sector.as_str().as_bytes()] {
            // With its length, so that different parts never give the same input.
            mac.update(&part.len().to_be_bytes());
            mac.update(part);
        }
        UnboundCipherKey::new(&AES_256, mac.sign().as_ref()).expect("32 bytes")
    }

    #[expect(clippy::expect_used, reason = "an identifier is one block")]
    fn encrypt(&self, kind: &[u8], sector: &Sector, mut id: Id) -> Id {
        let key = EncryptingKey::ecb(self.derive(kind, sector)).expect("AES has this mode");
        key.encrypt(&mut id).expect("one block");
        id
    }

    #[expect(clippy::expect_used, reason = "an identifier is one block")]
    fn decrypt(&self, kind: &[u8], sector: &Sector, mut id: Id) -> Id {
        let key = DecryptingKey::ecb(self.derive(kind, sector)).expect("AES has this mode");
        key.decrypt(&mut id, DecryptionContext::None)
            .expect("one block");
        id
    }
}

impl SubjectIdCodec for SubjectIdKey {
    fn encode(&self, sector: Option<&Sector>, user: UserId, sid: Sid) -> SubjectIds {
        let Some(sector) = sector else {
            return SubjectIds::public(user, sid);
        };
        SubjectIds {
            subject: SubjectId::from_bytes(self.encrypt(ACCOUNT, sector, *user.as_bytes())),
            sid: SessionId::from_bytes(self.encrypt(LOGIN, sector, *sid.as_bytes())),
        }
    }

    fn decode(&self, sector: Option<&Sector>, ids: SubjectIds) -> (UserId, Sid) {
        let (subject, sid) = (*ids.subject.as_bytes(), *ids.sid.as_bytes());
        let Some(sector) = sector else {
            return (UserId::from_bytes(subject), Sid::from_bytes(sid));
        };
        (
            UserId::from_bytes(self.decrypt(ACCOUNT, sector, subject)),
            Sid::from_bytes(self.decrypt(LOGIN, sector, sid)),
        )
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const USER: UserId = UserId::from_bytes([1; 16]);
    const SID: Sid = Sid::from_bytes([1; 16]);

    /// A key that consists of this byte.
    pub(crate) fn key(byte: u8) -> SubjectIdKey {
        SubjectIdKey::new(&Zeroizing::new(vec![byte; 32]))
    }

    fn sector(host: &str) -> Sector {
        host.parse().unwrap()
    }

    #[test]
    fn pairwise_identifiers_differ_by_sector_kind_and_key() {
        let (app, shop) = (sector("app.example"), sector("shop.example"));
        let own = key(1).encode(Some(&app), USER, SID);
        assert_eq!(own, key(1).encode(Some(&app), USER, SID));
        assert_eq!(key(1).decode(Some(&app), own), (USER, SID));
        assert_ne!(own.subject.as_bytes(), own.sid.as_bytes());

        let others = [
            key(1).encode(Some(&shop), USER, SID),
            key(2).encode(Some(&app), USER, SID),
            key(1).encode(None, USER, SID),
        ];
        for other in others {
            assert_ne!(other.subject, own.subject);
            assert_ne!(other.sid, own.sid);
            assert_ne!(key(1).decode(Some(&app), other), (USER, SID));
        }
    }

    #[test]
    fn identifier_of_a_known_key_stays_the_same() {
        let ids = key(1).encode(Some(&sector("app.example")), USER, SID);
        assert_eq!(
            ids.subject.to_string(),
            "7beda66f-b11c-ed42-50e9-818004724244"
        );
        assert_eq!(ids.sid.to_string(), "4a910fd5-89b3-ccdd-2c59-cae72e8431d0");
    }

    #[test]
    fn public_identifiers_are_those_of_the_account_and_login() {
        let ids = key(1).encode(None, USER, SID);
        assert_eq!(ids, SubjectIds::public(USER, SID));
        assert_eq!(ids.subject.to_string(), USER.to_string());
        assert_eq!(key(1).decode(None, ids), (USER, SID));
    }
}
