//! Request ids. Calls within [`scope`] send theirs to auth-service, which writes it into its audit trail.

use std::str;

use holdfast_core::{random::Random, split_mix::SplitMix64};
use tokio::task_local;

task_local! {
    static CURRENT: RequestId;
}

/// Identifier of a request: 64 bits, 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId([u8; 16]);

/// Generator of request ids. They are not secret, so that no cryptographic generator is needed.
pub struct RequestIds(SplitMix64);

impl RequestIds {
    /// A generator with a random start.
    pub fn new(random: &dyn Random) -> Self {
        Self(SplitMix64::seeded_by(random))
    }

    /// The next id.
    pub fn next(&self) -> RequestId {
        RequestId::from_bits(self.0.next())
    }
}

impl RequestId {
    fn from_bits(bits: u64) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 16];
        for (pair, byte) in text.chunks_exact_mut(2).zip(bits.to_be_bytes()) {
            for (digit, half) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
                *digit = DIGITS.get(usize::from(half)).copied().unwrap_or(b'0');
            }
        }
        Self(text)
    }

    /// The 16 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Runs `work` as a part of the request `id`.
pub fn scope<T>(id: RequestId, work: impl Future<Output = T>) -> impl Future<Output = T> {
    CURRENT.scope(id, work)
}

/// Id of the request that the current task works for; `None` outside of [`scope`].
#[must_use]
pub fn current() -> Option<RequestId> {
    CURRENT.try_with(|id| *id).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    struct Zeros;

    impl Random for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    #[test]
    fn request_id_has_sixteen_digits() {
        assert_eq!(RequestId::from_bits(0x1f_a0ff).as_str(), "00000000001fa0ff");
    }

    #[test]
    fn request_ids_are_distinct() {
        let ids = RequestIds::new(&Zeros);
        let some: HashSet<_> = (0..10_000).map(|_| ids.next().0).collect();
        assert_eq!(some.len(), 10_000);
    }
}
