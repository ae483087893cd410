//! Keys that an operator gives.

use secrecy::SecretBox;

/// 32 bytes that were drawn at random. Wiped when dropped.
pub type SecretKey = SecretBox<[u8; 32]>;
