//! Randomness as a port.

/// Gives randomness fit for keys.
pub trait Random: Send + Sync {
    /// Overwrites `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}
