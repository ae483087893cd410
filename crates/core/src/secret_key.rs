//! Secret keys from the configuration.

use secrecy::SecretBox;

/// 32 random bytes, zeroized on drop.
pub type SecretKey = SecretBox<[u8; 32]>;
