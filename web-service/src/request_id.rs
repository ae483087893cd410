//! A name for each request, the same in this service's log, in auth-service's audit trail, and in the answer.

use std::str;

use service_kit::system::Random;
use tokio::task_local;

task_local! {
    static CURRENT: RequestId;
}

/// 64 random bits in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId([u8; 16]);

impl RequestId {
    /// A fresh one.
    pub fn random(random: &dyn Random) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        let mut text = [0; 16];
        for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
            for (digit, half) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
                *digit = DIGITS.get(usize::from(half)).copied().unwrap_or(b'0');
            }
        }
        Self(text)
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Runs `work` as part of the request `id`.
pub async fn scope<T>(id: RequestId, work: impl Future<Output = T>) -> T {
    CURRENT.scope(id, work).await
}

/// The request that this is part of, if any.
#[must_use]
pub fn current() -> Option<RequestId> {
    CURRENT.try_with(|id| *id).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for (byte, value) in bytes.iter_mut().zip([0x00, 0x1f, 0xa0, 0xff]) {
                *byte = value;
            }
        }
    }

    #[test]
    fn it_is_sixteen_digits() {
        assert_eq!(RequestId::random(&Counting).as_str(), "001fa0ff00000000");
    }
}
