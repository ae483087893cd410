//! Rejection of easily guessed passwords (NIST SP 800-63B-4 §3.1.1.2, ASVS 6.2.4, 6.2.11).

use zxcvbn::{Score, feedback::Feedback, zxcvbn};

/// Number of leading characters that the estimator (zxcvbn) examines. These take at most as long as one hash; a password of the
/// maximum length could take ten times as long.
const ESTIMATED_PREFIX: usize = 32;

/// The product's name, which attackers add to their word lists.
const PRODUCT: &str = "holdfast";

/// Longest word, in characters, whose repetition counts as one word.
const MAX_REPEATED_WORD: usize = 10;

/// Maximum share of keyboard or counting steps between neighbouring characters, in percent. Passphrases have some twenty.
const MAX_WALK_PERCENT: usize = 65;

const KEYBOARD: [&str; 4] = ["1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./"];

/// Why a password is easily guessed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// It contains the username.
    #[error("a password must not contain the username")]
    ContainsUsername,
    /// It contains the product's name.
    #[error("a password must not contain the name of this service")]
    ContainsProduct,
    /// It repeats one short word.
    #[error("this password is one short word again and again; a few different words are better")]
    Repeats,
    /// It follows rows of the keyboard, or counts up or down.
    #[error("this password goes along the keyboard or counts up; a few words are better")]
    Walk,
    /// It is common, or a small variation of a common one; with the estimator's warning.
    #[error("this password is easy to guess: {0}")]
    Common(String),
}

/// Refuses a new password of the account with this username if it is easily guessed, as the estimator scores it.
pub(crate) fn check(password: &str, username: &str, min_score: Score) -> Result<(), WeakPassword> {
    let lower = password.to_lowercase();
    // Many strong passwords contain a username of one or two letters by chance.
    if username.len() >= 3 && lower.contains(username) {
        return Err(WeakPassword::ContainsUsername);
    }
    if lower.contains(PRODUCT) {
        return Err(WeakPassword::ContainsProduct);
    }
    let letters: Vec<char> = lower.chars().collect();
    if repeats(&letters) {
        return Err(WeakPassword::Repeats);
    }
    if is_walk(&letters) {
        return Err(WeakPassword::Walk);
    }
    let prefix: String = password.chars().take(ESTIMATED_PREFIX).collect();
    let estimate = zxcvbn(&prefix, &[username, PRODUCT]);
    if estimate.score() < min_score {
        return Err(WeakPassword::Common(warning(estimate.feedback())));
    }
    Ok(())
}

fn warning(feedback: Option<&Feedback>) -> String {
    let warning = feedback.and_then(Feedback::warning);
    warning.map_or_else(
        || "add another word or two".to_owned(),
        |warning| warning.to_string().trim_end_matches('.').to_owned(),
    )
}

/// Whether a short word occurs at least twice in a row, the last time perhaps incompletely.
fn repeats(letters: &[char]) -> bool {
    let longest = MAX_REPEATED_WORD.min(letters.len() / 2);
    (1..=longest).any(|length| {
        letters
            .iter()
            .zip(letters.iter().skip(length))
            .all(|(a, b)| a == b)
    })
}

fn is_walk(letters: &[char]) -> bool {
    let steps = letters.iter().zip(letters.iter().skip(1));
    let walked = steps
        .filter(|(from, to)| is_walk_step(**from, **to))
        .count();
    walked * 100 > letters.len().saturating_sub(1) * MAX_WALK_PERCENT
}

/// Whether the step goes to the same key, to a neighbouring one, or to the next letter or digit.
fn is_walk_step(from: char, to: char) -> bool {
    let is_next = u32::from(from).abs_diff(u32::from(to)) <= 1;
    let is_neighbour = match (position(from), position(to)) {
        (Some((row, column)), Some((other_row, other_column))) => {
            row.abs_diff(other_row) <= 1 && column.abs_diff(other_column) <= 1
        }
        _ => false,
    };
    is_next || is_neighbour
}

fn position(key: char) -> Option<(usize, usize)> {
    KEYBOARD.iter().enumerate().find_map(|(row, keys)| {
        let column = keys.chars().position(|other| other == key)?;
        Some((row, column))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_easily_guessed_is_refused_with_its_reason() {
        for (password, expected) in [
            ("my name is Ada, really", WeakPassword::ContainsUsername),
            ("welcome to HoldFast 99", WeakPassword::ContainsProduct),
            ("passwordpassword", WeakPassword::Repeats),
            ("aaaaaaaaaaaaaaaaaaa", WeakPassword::Repeats),
            ("abc abc abc abc abc", WeakPassword::Repeats),
            ("qwertyuiopasdfghjkl", WeakPassword::Walk),
            ("1qaz2wsx3edc4rfv5tgb", WeakPassword::Walk),
            ("abcdefghijklmnopqrst", WeakPassword::Walk),
            ("987654321098765", WeakPassword::Walk),
        ] {
            assert_eq!(
                check(password, "ada", Score::Three),
                Err(expected),
                "{password}"
            );
        }
        for common in [
            "iloveyouforever",
            "administrator1234",
            "password1",
            "letmein12",
            "Football1",
            "P@ssw0rd!",
        ] {
            let refused = check(common, "ada", Score::Two);
            assert!(
                matches!(refused, Err(WeakPassword::Common(_))),
                "{common}: {refused:?}"
            );
        }
    }

    #[test]
    fn passphrases_are_fine() {
        for password in [
            "correct horse battery staple",
            "schöne grüße aus münchen",
            "der Übermut tut selten gut",
            "were we ever there, dear?",
            "七転び八起き、負けないで下さいね",
            "n9$Kq2!vZr7@Lm4x",
        ] {
            assert_eq!(check(password, "ada", Score::Three), Ok(()), "{password}");
        }
        assert_eq!(check("a perfectly fine one", "a", Score::Three), Ok(()));
    }
}
