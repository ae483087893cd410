//! An app with one-time codes.

use aws_lc_rs::hmac;
use holdfast_core::clock::Clock as _;

use super::Site;

/// Computes the codes of a secret (RFC 6238), apart from the code of the service.
pub(crate) struct TotpApp(Vec<u8>);

impl TotpApp {
    /// Reads the secret in base32, in which blanks have no meaning.
    pub(crate) fn new(base32: &str) -> Self {
        let value = |digit: u8| match digit {
            b'A'..=b'Z' => digit - b'A',
            _ => digit - b'2' + 26,
        };
        let digits = base32.bytes().filter(|digit| *digit != b' ');
        let bits: Vec<_> = digits
            .map(|digit| format!("{:05b}", value(digit)))
            .collect();
        let bits = bits.concat();
        let bytes = bits.as_bytes().chunks_exact(8);
        let secret = bytes.map(|byte| {
            let byte = str::from_utf8(byte).unwrap();
            u8::from_str_radix(byte, 2).unwrap()
        });
        Self(secret.collect())
    }

    /// The current code.
    pub(crate) fn code(&self, site: &Site) -> String {
        self.code_at(site.clock.now().unix_timestamp())
    }

    /// A code that is not accepted now.
    pub(crate) fn wrong_code(&self, site: &Site) -> String {
        let now = site.clock.now().unix_timestamp();
        let accepted = [-30, 0, 30].map(|skew| self.code_at(now + skew));
        let mut candidates = ["000000", "000001", "000002", "000003"].into_iter();
        let wrong = candidates.find(|code| !accepted.contains(&(*code).to_owned()));
        wrong.unwrap().to_owned()
    }

    fn code_at(&self, time: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let hash = hmac::sign(&key, &(time / 30).to_be_bytes());
        let hash = hash.as_ref();
        let offset = usize::from(hash[19] & 15);
        let bits: [u8; 4] = hash[offset..offset + 4].try_into().unwrap();
        let code = (u32::from_be_bytes(bits) & 0x7fff_ffff) % 1_000_000;
        format!("{code:06}")
    }
}
