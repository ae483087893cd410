//! Removal of blanks and invisible characters around a text, as keyboards of phones and clipboards add them.

/// Returns the text without surrounding white space and invisible characters. Those between other characters remain.
#[must_use]
pub fn trim(text: &str) -> &str {
    text.trim_matches(|letter: char| letter.is_whitespace() || is_invisible(letter))
}

/// Whether it is a zero-width character, a directional mark or other formatting (Unicode `Default_Ignorable_Code_Point`, and the blank
/// of Braille).
const fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrounding_blanks_are_removed_and_inner_ones_remain() {
        for around in [
            " ",
            "\t",
            "\r\n",
            "\u{a0}",
            "\u{3000}",
            "\u{2009}",
            "\u{200b}",
            "\u{200d}",
            "\u{2060}",
            "\u{feff}",
            "\u{ad}",
            "\u{202a}",
            "\u{2069}",
            "\u{fe0f}",
            "\u{e0020}",
            " \u{200b} ",
        ] {
            let typed = format!("{around}ada{around}");
            assert_eq!(trim(&typed), "ada", "{around:?}");
            let between = format!("a{around}da");
            assert_eq!(trim(&between), between);
        }
        assert_eq!(trim(" \u{200b}"), "");
        assert_eq!(
            trim("\0ada"),
            "\0ada",
            "a control character is kept, and refused later"
        );
        assert_eq!(trim("äda"), "äda");
    }
}
