//! Keyed hashes, which stand for names in counters, known locations and the replay cache.

use std::fmt::Write as _;

/// The first 128 bits of a MAC over a name. Without the key it reveals nothing about the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyedHash(pub [u8; 16]);

impl KeyedHash {
    /// Returns the 32 hexadecimal digits of the hash, in lower case.
    #[must_use]
    pub fn hex(self) -> String {
        self.0.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// Computes keyed hashes, under one key for all instances.
pub trait KeyedHasher: Send + Sync {
    /// Returns the hash of a list of byte strings. Different lists never have the same encoding.
    fn hash(&self, parts: &[&[u8]]) -> KeyedHash;
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A hasher without a key, for tests.
    pub(crate) struct UnkeyedHasher;

    impl KeyedHasher for UnkeyedHasher {
        fn hash(&self, parts: &[&[u8]]) -> KeyedHash {
            let mut hash = [0_u8; 16];
            for (index, byte) in parts.join(&0).into_iter().enumerate() {
                hash[index % 16] = u8::wrapping_add(hash[index % 16].rotate_left(3), byte);
            }
            KeyedHash(hash)
        }
    }
}
