//! Texts of settings and of files with one line.

use std::ops::Deref;

/// The text of a setting, without surrounding blanks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(String);

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.trim().to_owned())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// Returns the items of a list in their order, without empty ones, such as after a comma at the end.
pub fn items(list: &[Text]) -> impl Iterator<Item = &str> {
    list.iter()
        .map(|item| &**item)
        .filter(|item| !item.is_empty())
}

/// Returns the text without a leading byte order mark, which some editors write, and without line ends after it.
#[must_use]
pub fn line(text: &str) -> &str {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.trim_end_matches(['\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrounding_blanks_and_empty_items_are_ignored() {
        let list: Vec<Text> = " a, b ,\tc\n,, ".split(',').map(Text::from).collect();
        assert_eq!(items(&list).collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn byte_order_mark_and_line_ends_are_ignored() {
        for text in ["hush", "hush\n", "hush\r\n", "\u{feff}hush\r\n", "hush\n\n"] {
            assert_eq!(line(text), "hush", "{text:?}");
        }
        assert_eq!(line(" two words \n"), " two words ");
    }
}
