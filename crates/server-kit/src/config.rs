//! Configuration that is checked as a whole before anything starts.

pub mod command_line;
mod listen;
mod strength;

use std::{
    fmt::{self, Display},
    net::SocketAddr,
    ops::RangeInclusive,
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use holdfast_core::{private_file, secret_key::SecretKey, text::line};
use holdfast_tls::{TlsFiles, TlsMaterial};
use secrecy::{ExposeSecret, SecretBox, SecretString};

/// The shortest secret between the two services, in characters.
const MIN_SERVICE_SECRET: usize = 32;

const MAKE_ONE: &str = "openssl rand -base64 32 makes one";

/// Everything that is wrong with a configuration, in words, so that it is reported at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<String>);

impl Problems {
    /// Takes the value of `setting`, or notes why there is none.
    pub fn check<T>(&mut self, setting: &str, value: Result<T, impl Display>) -> Option<T> {
        value
            .map_err(|reason| self.0.push(format!("{setting}: {reason}")))
            .ok()
    }

    /// Parses the text of `setting` with its [`FromStr`].
    pub fn parse<T: FromStr<Err: Display>>(&mut self, setting: &str, text: &str) -> Option<T> {
        self.check(
            setting,
            text.parse().map_err(|why| format!("{text:?}: {why}")),
        )
    }

    /// Parses a duration with its unit, such as `15m` or `30d`, within bounds that are written likewise.
    pub fn duration(
        &mut self,
        setting: &str,
        text: &str,
        (shortest, longest): (&str, &str),
    ) -> Option<Duration> {
        let parse = |text: &str| {
            humantime::parse_duration(text).map_err(|why| format!("{text:?}: {why}, such as 15m"))
        };
        let within = || {
            let duration = parse(text)?;
            if (parse(shortest)?..=parse(longest)?).contains(&duration) {
                Ok(duration)
            } else {
                Err(format!("{text:?}: must be from {shortest} to {longest}"))
            }
        };
        self.check(setting, within())
    }

    /// Parses a whole number within bounds.
    pub fn number<T>(&mut self, setting: &str, text: &str, bounds: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + Display,
    {
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        let (least, most) = bounds.into_inner();
        let form = || format!("{text:?}: must be a whole number from {least} to {most}");
        self.check(setting, number.ok_or_else(form))
    }

    /// Parses one of a few words, whose case does not matter.
    pub fn choice<T: Clone>(
        &mut self,
        setting: &str,
        text: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let found = words
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text));
        let form = || {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            format!("{text:?}: must be one of {}", words.join(", "))
        };
        let chosen = found.map(|(_, value)| value.clone());
        self.check(setting, chosen.ok_or_else(form))
    }

    /// Parses `on` or `true`, `off` or `false`.
    pub fn switch(&mut self, setting: &str, text: &str) -> Option<bool> {
        let words = [
            ("on", true),
            ("off", false),
            ("true", true),
            ("false", false),
        ];
        self.choice(setting, text, &words)
    }

    /// Parses an IP address with a port; `localhost` is 127.0.0.1.
    pub fn listen(&mut self, setting: &str, text: &str) -> Option<SocketAddr> {
        self.check(setting, listen::parse(text))
    }

    /// Takes a secret from its value or from a file that only its owner and group can read. `Some(None)`: not set.
    pub fn secret(&mut self, setting: &str, source: SecretSource) -> Option<Option<SecretString>> {
        let secret = match (source.value, source.file) {
            (Some(_), Some(_)) => Err(format!("set this or {setting}_FILE, not both")),
            (Some(value), None) => Ok(Some(line(&value).into())),
            (None, Some(file)) => private_file::read_secret(&file).map(Some),
            (None, None) => Ok(None),
        };
        self.check(setting, secret)
    }

    /// Takes the secret that web-service proves itself with to auth-service. `Some(None)`: not set.
    pub fn service_secret(
        &mut self,
        setting: &str,
        source: SecretSource,
    ) -> Option<Option<SecretString>> {
        let secret = self.secret(setting, source)?;
        let text = secret.as_ref().map(ExposeSecret::expose_secret);
        if text.is_some_and(|text| text.len() < MIN_SERVICE_SECRET) {
            self.add(format!(
                "{setting}: has fewer than {MIN_SERVICE_SECRET} characters; {MAKE_ONE}"
            ));
        } else if text.is_some_and(|text| strength::is_patterned(text.as_bytes())) {
            self.add(format!("{setting}: repeats a few characters; {MAKE_ONE}"));
        }
        Some(secret)
    }

    /// Takes a 256-bit key, written in base64, that must be set.
    pub fn key(&mut self, setting: &str, source: SecretSource) -> Option<SecretKey> {
        let secret = self.secret(setting, source)?;
        let key = secret
            .ok_or_else(|| format!("not set; give 32 random bytes in base64 here or in the file that {setting}_FILE names; {MAKE_ONE}"))
            .and_then(|text| decode_key(&text));
        self.check(setting, key)
    }

    /// Notes everything for which TLS files cannot be used.
    pub fn tls_files(&mut self, files: &TlsFiles) {
        if let Err(problems) = TlsMaterial::load(files) {
            self.0.extend(problems);
        }
    }

    /// Notes a problem that does not belong to one value.
    pub fn add(&mut self, problem: impl Into<String>) {
        self.0.push(problem.into());
    }

    /// The finished configuration; `build` returns `None` only when a value it needs was noted as a problem.
    ///
    /// # Errors
    /// All problems noted.
    pub fn finish<T>(mut self, build: impl FnOnce() -> Option<T>) -> Result<T, Self> {
        match build() {
            Some(config) if self.0.is_empty() => Ok(config),
            None if self.0.is_empty() => {
                self.add("incomplete");
                Err(self)
            }
            _ => Err(self),
        }
    }
}

impl Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used:")?;
        self.0
            .iter()
            .try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

impl std::error::Error for Problems {}

/// Where a secret may come from: its own setting, or the file that the setting with `_FILE` appended names.
#[derive(Default)]
pub struct SecretSource {
    /// The secret itself.
    pub value: Option<String>,
    /// The file that holds it; a newline at the end does not count.
    pub file: Option<PathBuf>,
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretSource")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

fn decode_key(text: &SecretString) -> Result<SecretKey, String> {
    let bytes = STANDARD
        .decode(text.expose_secret().trim())
        .map_err(|_| format!("is not base64; {MAKE_ONE}"))?;
    let key = <[u8; 32]>::try_from(bytes)
        .map_err(|bytes| format!("has {} bytes, 32 are needed; {MAKE_ONE}", bytes.len()))?;
    if strength::is_patterned(&key) {
        return Err(format!(
            "does not look random: it repeats a few bytes, or counts; {MAKE_ONE}"
        ));
    }
    Ok(SecretBox::new(Box::new(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(value: &str) -> SecretSource {
        SecretSource {
            value: Some(value.to_owned()),
            file: None,
        }
    }

    /// What is said of one value.
    fn refused<T>(check: impl FnOnce(&mut Problems) -> Option<T>) -> String {
        let mut problems = Problems::default();
        check(&mut problems);
        problems
            .finish(|| Some(()))
            .map_or_else(|why| why.to_string(), |()| String::new())
    }

    #[test]
    fn reports_every_problem_at_once() {
        let mut problems = Problems::default();
        let port = problems.parse::<u16>("PORT", "many");
        let ttl = problems.duration("TTL", "0s", ("1s", "1h"));
        let key = problems.key("KEY", source("c2hvcnQ="));

        let error = problems
            .finish(|| Some((port?, ttl?, key?)))
            .unwrap_err()
            .to_string();

        assert_eq!(
            error,
            "the configuration cannot be used:\n  - PORT: \"many\": invalid digit found in string\n  - TTL: \"0s\": must be from 1s to 1h\n  - KEY: has 5 bytes, 32 are needed; openssl rand -base64 32 makes one"
        );
    }

    #[test]
    fn durations_have_a_unit_and_bounds() {
        let mut problems = Problems::default();
        let mut parse = |text| problems.duration("T", text, ("1s", "24h"));
        assert_eq!(parse("1s"), Some(Duration::from_secs(1)));
        assert_eq!(parse("24h"), Some(Duration::from_hours(24)));
        assert_eq!(parse("1d"), Some(Duration::from_hours(24)));
        for text in [
            "0s", "999ms", "25h", "10y", "1000000y", "soon", "15", "-1s", "",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn words_are_taken_in_any_case_and_others_are_told_which() {
        let mut problems = Problems::default();
        for (text, value) in [
            ("on", true),
            ("ON", true),
            ("True", true),
            ("off", false),
            ("false", false),
        ] {
            assert_eq!(problems.switch("S", text), Some(value), "{text}");
        }
        let choice = |text: &'static str| {
            refused(move |problems| problems.choice("C", text, &[("off", 0), ("allow", 1)]))
        };
        assert!(choice("maybe").contains("C: \"maybe\": must be one of off, allow"));
        assert_eq!(choice("Allow"), "");
    }

    #[test]
    fn numbers_have_bounds() {
        let number =
            |text: &'static str| refused(move |problems| problems.number("N", text, 1..=9));
        for text in ["0", "10", "18446744073709551616", "-1", "1.5", "one", ""] {
            assert!(
                number(text).contains("must be a whole number from 1 to 9"),
                "{text}"
            );
        }
        assert_eq!(number("9"), "");
    }

    #[test]
    fn keys_and_secrets_that_were_not_drawn_are_refused() {
        let key = |bytes: [u8; 32]| {
            refused(move |problems| problems.key("K", source(&STANDARD.encode(bytes))))
        };
        let secret = |text: &'static str| {
            refused(move |problems| problems.service_secret("S", source(text)))
        };
        let counting = std::array::from_fn(|place| u8::try_from(place).unwrap());
        for bytes in [[0; 32], [7; 32], counting] {
            assert!(key(bytes).contains("K: does not look random"));
        }
        let mut drawn = [0; 32];
        aws_lc_rs::rand::fill(&mut drawn).unwrap();
        assert_eq!(key(drawn), "");
        assert!(secret("short").contains("S: has fewer than 32"));
        assert!(secret("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").contains("S: repeats a few"));
        assert_eq!(secret("Yk3vQ9xT2mLw8ZrB5nHs7CdJ4fGp6KaE"), "");
    }

    #[test]
    fn a_byte_order_mark_and_the_end_of_a_line_are_no_part_of_a_secret() {
        let mut problems = Problems::default();
        let given = problems.secret("S", source("\u{feff}hush\r\n"));
        assert_eq!(given.flatten().unwrap().expose_secret(), "hush");
    }

    #[test]
    fn a_missing_key_says_what_to_give() {
        let mut problems = Problems::default();
        assert!(problems.key("KEY", SecretSource::default()).is_none());
        let error = problems.finish(|| None::<()>).unwrap_err().to_string();
        assert!(
            error.contains("KEY: not set; give 32 random bytes"),
            "{error}"
        );
    }

    #[test]
    fn a_secret_from_two_places_is_refused() {
        let mut problems = Problems::default();
        let both = SecretSource {
            value: Some("a".to_owned()),
            file: Some("b".into()),
        };
        assert!(problems.secret("S", both).is_none());
    }
}
