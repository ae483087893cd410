//! The algorithms that an installation is configured with.

use crate::key::Algorithm;

/// The algorithms of which an installation keeps signing keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAlgorithms {
    access_tokens: Algorithm,
    all: Vec<Algorithm>,
}

impl KeyAlgorithms {
    /// `access_tokens` signs access tokens, and each of `id_tokens` those ID tokens that are requested with it.
    #[must_use]
    pub fn new(access_tokens: Algorithm, id_tokens: &[Algorithm]) -> Self {
        let mut all = vec![access_tokens];
        for algorithm in id_tokens {
            if !all.contains(algorithm) {
                all.push(*algorithm);
            }
        }
        Self { access_tokens, all }
    }

    /// The algorithm that signs access tokens.
    #[must_use]
    pub const fn access_tokens(&self) -> Algorithm {
        self.access_tokens
    }

    /// Every algorithm once, that of access tokens first.
    pub fn iter(&self) -> impl Iterator<Item = Algorithm> + '_ {
        self.all.iter().copied()
    }

    /// Whether keys of this algorithm are kept.
    #[must_use]
    pub fn contains(&self, algorithm: Algorithm) -> bool {
        self.all.contains(&algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithm_of_both_kinds_of_tokens_is_kept_once() {
        let algorithms = KeyAlgorithms::new(
            Algorithm::Es256,
            &[Algorithm::EdDsa, Algorithm::Es256, Algorithm::EdDsa],
        );
        assert_eq!(algorithms.access_tokens(), Algorithm::Es256);
        assert!(algorithms.iter().eq([Algorithm::Es256, Algorithm::EdDsa]));
        assert!(algorithms.contains(Algorithm::EdDsa));
        assert!(!algorithms.contains(Algorithm::Rs256));
    }
}
