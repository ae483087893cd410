//! Passwords that a guesser tries early (NIST SP 800-63B-4 §3.1.1.2, ASVS 6.2.4, 6.2.11).

use zxcvbn::{Score, feedback::Feedback, zxcvbn};

/// How much of a password is judged by its words, in characters. That takes as long as one hash at most; all of a long one
/// could take ten times as long.
const JUDGED: usize = 32;

/// The name of the product, which people put into its passwords.
const PRODUCT: &str = "holdfast";

/// What is repeated has to be longer than this to count as more than one word.
const SHORT_WORD: usize = 10;

/// How much of a password may be steps to the key beside, in percent. Words have some twenty.
const MOST_EASY_STEPS: usize = 65;

const KEYBOARD: [&str; 4] = ["1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./"];

/// Why a password is easily guessed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// It has the account's name in it.
    #[error("a password must not contain the username")]
    ContainsUsername,
    /// It has the product's name in it.
    #[error("a password must not contain the name of this service")]
    ContainsProduct,
    /// It is one short word, again and again.
    #[error("this password is one short word again and again; a few different words are better")]
    Repeats,
    /// It goes along the keyboard, or counts.
    #[error("this password goes along the keyboard or counts up; a few words are better")]
    Walk,
    /// It is a common one, or one with little added to it.
    #[error("this password is easy to guess: {0}")]
    Common(String),
}

/// Checks a password that the owner of `username` wants.
pub(crate) fn check(password: &str, username: &str) -> Result<(), WeakPassword> {
    let lower = password.to_lowercase();
    // A name of one or two letters is in many good passwords by chance.
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
    let beginning: String = password.chars().take(JUDGED).collect();
    let judged = zxcvbn(&beginning, &[username, PRODUCT]);
    if judged.score() < Score::Three {
        return Err(WeakPassword::Common(words(judged.feedback())));
    }
    Ok(())
}

fn words(feedback: Option<&Feedback>) -> String {
    let warning = feedback.and_then(Feedback::warning);
    warning.map_or_else(
        || "add another word or two".to_owned(),
        |warning| warning.to_string().trim_end_matches('.').to_owned(),
    )
}

/// Whether it is a short word at least twice, the last time perhaps not to its end.
fn repeats(letters: &[char]) -> bool {
    let longest = SHORT_WORD.min(letters.len() / 2);
    (1..=longest).any(|length| {
        letters
            .iter()
            .zip(letters.iter().skip(length))
            .all(|(a, b)| a == b)
    })
}

fn is_walk(letters: &[char]) -> bool {
    let steps = letters.iter().zip(letters.iter().skip(1));
    let easy = steps.filter(|(from, to)| is_easy(**from, **to)).count();
    easy * 100 > letters.len().saturating_sub(1) * MOST_EASY_STEPS
}

/// To the same key, to one beside it, or to the next letter or digit.
fn is_easy(from: char, to: char) -> bool {
    let is_next = u32::from(from).abs_diff(u32::from(to)) <= 1;
    let beside = match (place(from), place(to)) {
        (Some((row, column)), Some((other_row, other_column))) => {
            row.abs_diff(other_row) <= 1 && column.abs_diff(other_column) <= 1
        }
        _ => false,
    };
    is_next || beside
}

fn place(key: char) -> Option<(usize, usize)> {
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
            assert_eq!(check(password, "ada"), Err(expected), "{password}");
        }
        for common in ["iloveyouforever", "administrator1234"] {
            let refused = check(common, "ada");
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
            assert_eq!(check(password, "ada"), Ok(()), "{password}");
        }
        assert_eq!(check("a perfectly fine one", "a"), Ok(()));
    }
}
