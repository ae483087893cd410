//! Time-based one-time passwords (RFC 6238), and their secrets, sealed.

use aws_lc_rs::hmac;
use holdfast_identity::{
    authentication::{TotpCode, TotpCodec, TotpSecret},
    id::{CredentialId, UserId},
};

use crate::seal::Sealer;

/// Computes codes, and seals secrets with the key-encryption key.
pub struct TotpSealer(Sealer);

impl TotpSealer {
    /// With this key.
    #[must_use]
    pub const fn new(sealer: Sealer) -> Self {
        Self(sealer)
    }
}

impl TotpCodec for TotpSealer {
    fn code(&self, secret: &TotpSecret, step: u64) -> TotpCode {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.expose());
        let hash = hmac::sign(&key, &step.to_be_bytes());
        TotpCode::from_truncated(truncate(hash.as_ref()).unwrap_or_default())
    }

    fn seal(&self, owner: (UserId, CredentialId), secret: &TotpSecret) -> Vec<u8> {
        self.0.seal(&place(owner), secret.expose())
    }

    fn open(&self, owner: (UserId, CredentialId), sealed: &[u8]) -> Option<TotpSecret> {
        let secret = self.0.open(&place(owner), sealed).ok()?;
        TotpSecret::from_bytes(&secret)
    }
}

/// What the seal is bound to.
fn place((user, credential): (UserId, CredentialId)) -> String {
    format!("totp {user} {credential}")
}

/// Dynamic truncation (RFC 4226 §5.3): the last four bits of the hash say where the 32 bits are.
fn truncate(hash: &[u8]) -> Option<u32> {
    let offset = usize::from(hash.last()? & 0xf);
    let bits = hash.get(offset..)?.first_chunk()?;
    Some(u32::from_be_bytes(*bits))
}

#[cfg(test)]
mod tests {
    use secrecy::SecretBox;

    use super::*;

    fn sealer(byte: u8) -> TotpSealer {
        TotpSealer::new(Sealer::new(&SecretBox::new(Box::new([byte; 32]))))
    }

    fn secret() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890").unwrap()
    }

    /// The values for SHA-1 of RFC 6238, appendix B, of whose eight digits the last six count.
    #[test]
    fn codes_are_those_of_the_rfc() {
        for (seconds, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            let expected = code[2..].parse().unwrap();
            assert_eq!(
                sealer(1).code(&secret(), seconds / 30),
                expected,
                "{seconds}"
            );
        }
    }

    #[test]
    fn sealed_secret_opens_for_its_account_and_credential_only() {
        let user = UserId::from_bytes([1; 16]);
        let credential = CredentialId::from_bytes([2; 16]);
        let sealed = sealer(1).seal((user, credential), &secret());
        assert_eq!(sealer(1).open((user, credential), &sealed), Some(secret()));
        assert_eq!(sealer(2).open((user, credential), &sealed), None);
        let other = UserId::from_bytes([3; 16]);
        assert_eq!(sealer(1).open((other, credential), &sealed), None);
        let other = CredentialId::from_bytes([3; 16]);
        assert_eq!(sealer(1).open((user, other), &sealed), None);
    }
}
