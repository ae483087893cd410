//! Detection of keys and secrets that were not generated at random.

/// Minimum number of different bytes, and of different steps from one byte to the next. Of 32 random bytes about 30 differ, and less
/// than one key in 10^20 has fewer than eight.
const MIN_DIFFERENT: usize = 8;

/// Whether a key of at least 32 bytes repeats a few bytes or counts, and so does not come from a random generator.
#[must_use]
pub(super) fn is_patterned(bytes: &[u8]) -> bool {
    let steps = bytes.iter().zip(bytes.iter().skip(1));
    let steps = steps.map(|(one, next)| next.wrapping_sub(*one));
    count_different(bytes.iter().copied()) < MIN_DIFFERENT || count_different(steps) < MIN_DIFFERENT
}

fn count_different(bytes: impl Iterator<Item = u8>) -> usize {
    let mut seen = [false; 256];
    bytes.for_each(|byte| seen[usize::from(byte)] = true);
    seen.iter().filter(|seen| **seen).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_and_counting_are_patterned_and_random_keys_are_not() {
        let counting: Vec<u8> = (0..32).collect();
        let falling: Vec<u8> = (0..32).rev().collect();
        for bytes in [
            [0; 32].as_slice(),
            &[7; 32],
            &counting,
            &falling,
            "x".repeat(40).as_bytes(),
            b"abcabcabcabcabcabcabcabcabcabcabc",
            b"changemechangemechangemechangeme",
            b"0123456701234567012345670123456701",
        ] {
            assert!(is_patterned(bytes), "{bytes:?}");
        }
        for _ in 0..1000 {
            let mut key = [0; 32];
            aws_lc_rs::rand::fill(&mut key).unwrap();
            assert!(!is_patterned(&key), "{key:?}");
        }
        // The output of `openssl rand -hex 16`, and a phrase.
        for secret in [
            "d41d8cd98f00b204e9800998ecf8427e",
            "correct horse battery staple gun",
        ] {
            assert!(!is_patterned(secret.as_bytes()), "{secret}");
        }
    }
}
