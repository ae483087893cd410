//! Keys and secrets that were typed, not drawn.

/// Fewer different bytes, or fewer different steps from one byte to the next, do not come about by chance: of 32 random bytes about 30
/// differ, and less than one key in 10^20 has so few.
const FEWEST: usize = 8;

/// Whether a key of 32 bytes or more cannot have come from a random generator: it repeats a few bytes, or counts.
#[must_use]
pub(super) fn is_patterned(bytes: &[u8]) -> bool {
    let steps = bytes.iter().zip(bytes.iter().skip(1));
    let steps = steps.map(|(one, next)| next.wrapping_sub(*one));
    different(bytes.iter().copied()) < FEWEST || different(steps) < FEWEST
}

fn different(bytes: impl Iterator<Item = u8>) -> usize {
    let mut seen = [false; 256];
    bytes.for_each(|byte| seen[usize::from(byte)] = true);
    seen.iter().filter(|seen| **seen).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_or_counts_is_patterned_and_what_is_drawn_is_not() {
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
        // As `openssl rand -hex 16` writes 16 bytes, and what people think of.
        for secret in [
            "d41d8cd98f00b204e9800998ecf8427e",
            "correct horse battery staple gun",
        ] {
            assert!(!is_patterned(secret.as_bytes()), "{secret}");
        }
    }
}
