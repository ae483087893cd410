//! Escaping of characters that could make a log line look like another one.

use std::fmt::Write as _;

use crate::telemetry::LogFormat;

/// Escapes control characters (C0, C1), line separators, invisible characters and those that change the direction of text, in JSON in the
/// form of JSON. The newline at the end is kept, and with `has_colours` the escape character, which tracing escapes in values.
pub(super) fn escape(line: &[u8], format: LogFormat, has_colours: bool) -> Vec<u8> {
    let (body, end) = match line.strip_suffix(b"\n") {
        Some(body) => (body, "\n"),
        None => (line, ""),
    };
    if body.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return line.to_vec();
    }
    let mut escaped = String::with_capacity(line.len() + 16);
    for character in String::from_utf8_lossy(body).chars() {
        if !is_deceptive(character) || (has_colours && character == '\x1b') {
            escaped.push(character);
            continue;
        }
        // Writing to a string does not fail.
        let _ = match format {
            LogFormat::Text => write!(escaped, "\\u{{{:x}}}", u32::from(character)),
            LogFormat::Json => character
                .encode_utf16(&mut [0; 2])
                .iter()
                .try_for_each(|unit| write!(escaped, "\\u{unit:04x}")),
        };
    }
    escaped.push_str(end);
    escaped.into_bytes()
}

/// Whether a character is a control character, a line or paragraph separator, a bidirectional control, or has no width.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(line: &str, format: LogFormat) -> String {
        String::from_utf8(escape(line.as_bytes(), format, false)).unwrap()
    }

    #[test]
    fn deceptive_characters_are_escaped() {
        for (line, text, json) in [
            ("plain é 日本\n", "plain é 日本\n", "plain é 日本\n"),
            ("a\u{85}b\n", "a\\u{85}b\n", "a\\u0085b\n"),
            ("a\u{9b}31mb\n", "a\\u{9b}31mb\n", "a\\u009b31mb\n"),
            ("a\u{202e}b\n", "a\\u{202e}b\n", "a\\u202eb\n"),
            (
                "a\u{2066}b\u{2069}\n",
                "a\\u{2066}b\\u{2069}\n",
                "a\\u2066b\\u2069\n",
            ),
            ("a\nERROR b\n", "a\\u{a}ERROR b\n", "a\\u000aERROR b\n"),
            (
                "a\r\x1b[2Kb\n",
                "a\\u{d}\\u{1b}[2Kb\n",
                "a\\u000d\\u001b[2Kb\n",
            ),
            (
                "a\u{2028}b\u{7f}\n",
                "a\\u{2028}b\\u{7f}\n",
                "a\\u2028b\\u007f\n",
            ),
            ("a\u{e0041}\n", "a\\u{e0041}\n", "a\\udb40\\udc41\n"),
            ("no end", "no end", "no end"),
        ] {
            assert_eq!(escaped(line, LogFormat::Text), text);
            assert_eq!(escaped(line, LogFormat::Json), json);
        }
    }

    #[test]
    fn escaped_json_has_the_same_value() {
        let value = "a\u{85}\u{202e}\u{e0041}\u{2028}z";
        let line = format!("{{\"name\":\"{value}\"}}\n");
        let read: serde_json::Value =
            serde_json::from_str(&escaped(&line, LogFormat::Json)).unwrap();
        assert_eq!(read["name"], value);
    }

    #[test]
    fn colour_sequences_are_kept() {
        let line = b"\x1b[32mINFO\x1b[0m a\r\n";
        let kept = escape(line, LogFormat::Text, true);
        assert_eq!(kept, b"\x1b[32mINFO\x1b[0m a\\u{d}\n");
    }
}
