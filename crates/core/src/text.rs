//! The text of a setting.

use std::ops::Deref;

/// The text of a setting, without the blanks around it.
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

/// The items of a list, in the order in which they were given. An empty item, such as one after a comma at the end, is none.
pub fn items(list: &[Text]) -> impl Iterator<Item = &str> {
    list.iter()
        .map(|item| &**item)
        .filter(|item| !item.is_empty())
}

/// What a line or a small file says: without a byte order mark before it, which some editors write, and the line's end.
#[must_use]
pub fn line(text: &str) -> &str {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.trim_end_matches(['\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_around_a_text_and_empty_items_of_a_list_do_not_count() {
        let list: Vec<Text> = " a, b ,\tc\n,, ".split(',').map(Text::from).collect();
        assert_eq!(items(&list).collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn a_byte_order_mark_and_the_end_of_a_line_do_not_count() {
        for text in ["hush", "hush\n", "hush\r\n", "\u{feff}hush\r\n", "hush\n\n"] {
            assert_eq!(line(text), "hush", "{text:?}");
        }
        assert_eq!(line(" two words \n"), " two words ");
    }
}
