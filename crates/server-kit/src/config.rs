//! Validation of settings, which reports all problems at once, and the groups of settings that both services have.

pub mod args;
pub mod command_line;
mod listen;
mod redis_url;
pub mod reference;
mod strength;

use std::{
    fmt::{self, Display},
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use holdfast_core::{private_file, secret_key::SecretKey, text::line};
use holdfast_tls::{IdentityFiles, PemFile, TlsFiles, TlsMaterial};
use secrecy::{ExposeSecret, SecretBox, SecretString};

pub use self::redis_url::{RedisCredentials, RedisNode, RedisTopology, RedisUrl};

/// Minimum length of the secret between the two services, in bytes.
const MIN_SERVICE_SECRET: usize = 32;

const GENERATE: &str = "`openssl rand -base64 32` generates one";

/// Everything that is wrong with a configuration, in words with the name of the setting, so that it is reported at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<String>);

impl Problems {
    /// The value of `setting`; an error is added to the problems.
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

    /// Parses a duration with a unit, such as `15m` or `30d`. The bounds are inclusive and have the same form.
    pub fn duration(
        &mut self,
        setting: &str,
        text: &str,
        (min, max): (&str, &str),
    ) -> Option<Duration> {
        let parse = |text: &str| {
            humantime::parse_duration(text).map_err(|why| format!("{text:?}: {why}, such as 15m"))
        };
        let parse_within_bounds = || {
            let duration = parse(text)?;
            if (parse(min)?..=parse(max)?).contains(&duration) {
                Ok(duration)
            } else {
                Err(format!("{text:?}: must be from {min} to {max}"))
            }
        };
        self.check(setting, parse_within_bounds())
    }

    /// Parses a whole number within inclusive bounds.
    pub fn number<T>(&mut self, setting: &str, text: &str, bounds: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + Display,
    {
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        let (min, max) = bounds.into_inner();
        let form = || format!("{text:?}: must be a whole number from {min} to {max}");
        self.check(setting, number.ok_or_else(form))
    }

    /// Parses a keyword, without regard to case.
    pub fn choice<T: Clone>(
        &mut self,
        setting: &str,
        text: &str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let found = choices
            .iter()
            .find(|(keyword, _)| keyword.eq_ignore_ascii_case(text));
        let form = || {
            let keywords: Vec<_> = choices.iter().map(|(keyword, _)| *keyword).collect();
            format!("{text:?}: must be one of {}", keywords.join(", "))
        };
        let chosen = found.map(|(_, value)| value.clone());
        self.check(setting, chosen.ok_or_else(form))
    }

    /// Parses `on` or `true`, `off` or `false`.
    pub fn switch(&mut self, setting: &str, text: &str) -> Option<bool> {
        let choices = [
            ("on", true),
            ("off", false),
            ("true", true),
            ("false", false),
        ];
        self.choice(setting, text, &choices)
    }

    /// Parses an address to listen on: an IP address with a port; `localhost` is 127.0.0.1.
    pub fn listen(&mut self, setting: &str, text: &str) -> Option<SocketAddr> {
        self.check(setting, listen::parse(text))
    }

    /// Reads a secret from its setting, or from a file that only its owner and group may be able to read. `Some(None)`: not set.
    pub fn secret(&mut self, setting: &str, source: SecretSource) -> Option<Option<SecretString>> {
        let secret = match (source.value, source.file) {
            (Some(_), Some(_)) => Err(format!("set this or {setting}_FILE, not both")),
            (Some(value), None) => Ok(Some(line(&value).into())),
            (None, Some(file)) => private_file::read_secret(&file).map(Some),
            (None, None) => Ok(None),
        };
        self.check(setting, secret)
    }

    /// Reads the secret by which web-service authenticates to auth-service, and rejects a short or patterned one. `Some(None)`: not set.
    pub fn service_secret(
        &mut self,
        setting: &str,
        source: SecretSource,
    ) -> Option<Option<SecretString>> {
        let secret = self.secret(setting, source)?;
        let text = secret.as_ref().map(ExposeSecret::expose_secret);
        if text.is_some_and(|text| text.len() < MIN_SERVICE_SECRET) {
            self.add(format!(
                "{setting}: has fewer than {MIN_SERVICE_SECRET} characters; {GENERATE}"
            ));
        } else if text.is_some_and(|text| strength::is_patterned(text.as_bytes())) {
            self.add(format!("{setting}: repeats a few characters; {GENERATE}"));
        }
        Some(secret)
    }

    /// Reads a 256-bit key in base64, which is required.
    pub fn key(&mut self, setting: &str, source: SecretSource) -> Option<SecretKey> {
        let secret = self.secret(setting, source)?;
        let key = secret
            .ok_or_else(|| format!("not set; give 32 random bytes in base64 here or in the file that {setting}_FILE names; {GENERATE}"))
            .and_then(|text| decode_key(&text));
        self.check(setting, key)
    }

    /// Takes the files of a certificate and its key, of which both are set or neither. `Some(None)`: neither is set.
    pub fn identity_files(
        &mut self,
        names: [&'static str; 2],
        files: [Option<&PathBuf>; 2],
    ) -> Option<Option<IdentityFiles>> {
        let [certificate_name, key_name] = names;
        match files {
            [Some(certificate), Some(key)] => Some(Some(IdentityFiles {
                certificate: PemFile::new(certificate_name, certificate),
                key: PemFile::new(key_name, key),
            })),
            [None, None] => Some(None),
            _ => {
                self.add(format!(
                    "{certificate_name} and {key_name}: set both or neither"
                ));
                None
            }
        }
    }

    /// Parses the URL of a Redis, and loads its TLS files to add what is wrong with them.
    pub fn redis_url(&mut self, setting: &'static str, text: &str) -> Option<RedisUrl> {
        let url = self.check(setting, RedisUrl::parse(setting, text.trim()))?;
        if let Some(files) = &url.tls {
            self.tls_files(files);
        }
        Some(url)
    }

    /// Loads TLS files, and adds everything that is wrong with them.
    pub fn tls_files(&mut self, files: &TlsFiles) {
        if let Err(problems) = TlsMaterial::load(files) {
            self.0.extend(problems);
        }
    }

    /// Adds a problem that concerns several settings.
    pub fn add(&mut self, problem: impl Into<String>) {
        self.0.push(problem.into());
    }

    /// The result of `build`, which returns `None` only where a problem of a value that it needs was added.
    ///
    /// # Errors
    /// All problems that were added.
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

/// The two settings of a secret: the value, and with `_FILE` appended, the name of a file.
#[derive(Default)]
pub struct SecretSource {
    /// The secret itself.
    pub value: Option<String>,
    /// The file that contains it; a newline at the end is not part of the secret.
    pub file: Option<PathBuf>,
}

impl SecretSource {
    /// Takes a copy of both settings.
    #[must_use]
    pub fn new(value: Option<&str>, file: Option<&Path>) -> Self {
        Self {
            value: value.map(str::to_owned),
            file: file.map(Path::to_owned),
        }
    }
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
        .map_err(|_| format!("is not base64; {GENERATE}"))?;
    let key = <[u8; 32]>::try_from(bytes)
        .map_err(|bytes| format!("has {} bytes, 32 are needed; {GENERATE}", bytes.len()))?;
    if strength::is_patterned(&key) {
        return Err(format!(
            "does not look random: it repeats a few bytes, or counts; {GENERATE}"
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

    /// The message about one value; empty where it is accepted.
    fn message<T>(check: impl FnOnce(&mut Problems) -> Option<T>) -> String {
        let mut problems = Problems::default();
        check(&mut problems);
        problems
            .finish(|| Some(()))
            .map_or_else(|problems| problems.to_string(), |()| String::new())
    }

    #[test]
    fn problems_are_reported_at_once() {
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
            "the configuration cannot be used:\n  - PORT: \"many\": invalid digit found in string\n  - TTL: \"0s\": must be from 1s to 1h\n  - KEY: has 5 bytes, 32 are needed; `openssl rand -base64 32` generates one"
        );
    }

    #[test]
    fn duration_requires_a_unit_and_keeps_its_bounds() {
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
    fn keywords_match_in_any_case_and_the_message_lists_them() {
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
            message(move |problems| problems.choice("C", text, &[("off", 0), ("allow", 1)]))
        };
        assert!(choice("maybe").contains("C: \"maybe\": must be one of off, allow"));
        assert_eq!(choice("Allow"), "");
    }

    #[test]
    fn number_keeps_its_bounds() {
        let number =
            |text: &'static str| message(move |problems| problems.number("N", text, 1..=9));
        for text in ["0", "10", "18446744073709551616", "-1", "1.5", "one", ""] {
            assert!(
                number(text).contains("must be a whole number from 1 to 9"),
                "{text}"
            );
        }
        assert_eq!(number("9"), "");
    }

    #[test]
    fn patterned_keys_and_secrets_are_rejected() {
        let key = |bytes: [u8; 32]| {
            message(move |problems| problems.key("K", source(&STANDARD.encode(bytes))))
        };
        let secret = |text: &'static str| {
            message(move |problems| problems.service_secret("S", source(text)))
        };
        let counting = std::array::from_fn(|place| u8::try_from(place).unwrap());
        for bytes in [[0; 32], [7; 32], counting] {
            assert!(key(bytes).contains("K: does not look random"));
        }
        let mut random = [0; 32];
        aws_lc_rs::rand::fill(&mut random).unwrap();
        assert_eq!(key(random), "");
        assert!(secret("short").contains("S: has fewer than 32"));
        assert!(secret("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").contains("S: repeats a few"));
        assert_eq!(secret("Yk3vQ9xT2mLw8ZrB5nHs7CdJ4fGp6KaE"), "");
    }

    #[test]
    fn byte_order_mark_and_line_end_are_not_part_of_a_secret() {
        let mut problems = Problems::default();
        let given = problems.secret("S", source("\u{feff}hush\r\n"));
        assert_eq!(given.flatten().unwrap().expose_secret(), "hush");
    }

    #[test]
    fn missing_key_is_reported_with_its_form() {
        let mut problems = Problems::default();
        assert!(problems.key("KEY", SecretSource::default()).is_none());
        let error = problems.finish(|| None::<()>).unwrap_err().to_string();
        assert!(
            error.contains("KEY: not set; give 32 random bytes"),
            "{error}"
        );
    }

    #[test]
    fn secret_set_twice_is_rejected() {
        let mut problems = Problems::default();
        let both = SecretSource {
            value: Some("a".to_owned()),
            file: Some("b".into()),
        };
        assert!(problems.secret("S", both).is_none());
    }
}
