//! Configuration that is checked as a whole before anything starts.

use std::{
    fmt::{self, Display},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretBox, SecretString};

use crate::{
    private_file,
    tls::{TlsFiles, TlsMaterial},
};

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_hours(100 * 365 * 24);

/// The shortest secret between the two services, in characters.
const MIN_SERVICE_SECRET: usize = 32;

/// A 256-bit key.
pub type SecretKey = SecretBox<[u8; 32]>;

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

    /// Parses a duration with its unit, such as `15m` or `30d`, of a second to a hundred years.
    pub fn duration(&mut self, setting: &str, text: &str) -> Option<Duration> {
        let parsed = humantime::parse_duration(text)
            .map_err(|why| format!("{text:?}: {why}"))
            .and_then(|duration| {
                if (SHORTEST..=LONGEST).contains(&duration) {
                    Ok(duration)
                } else {
                    Err(format!("{text:?}: must be from 1s to 100y"))
                }
            });
        self.check(setting, parsed)
    }

    /// Takes a secret from its value or from a file that only its owner and group can read. `Some(None)`: not set.
    pub fn secret(&mut self, setting: &str, source: SecretSource) -> Option<Option<SecretString>> {
        let secret = match (source.value, source.file) {
            (Some(_), Some(_)) => Err(format!("set this or {setting}_FILE, not both")),
            (Some(value), None) => Ok(Some(value.into())),
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
        let length = secret.as_ref().map(|secret| secret.expose_secret().len());
        if length.is_some_and(|length| length < MIN_SERVICE_SECRET) {
            self.add(format!(
                "{setting}: has fewer than {MIN_SERVICE_SECRET} characters"
            ));
        }
        Some(secret)
    }

    /// Takes a 256-bit key, written in base64, that must be set.
    pub fn key(&mut self, setting: &str, source: SecretSource) -> Option<SecretKey> {
        let secret = self.secret(setting, source)?;
        let key = secret
            .ok_or_else(|| format!("not set; give 32 random bytes in base64 here or in the file that {setting}_FILE names"))
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
        .decode(text.expose_secret())
        .map_err(|_| "is not base64".to_owned())?;
    let key = <[u8; 32]>::try_from(bytes)
        .map_err(|bytes| format!("has {} bytes, 32 are needed", bytes.len()))?;
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

    #[test]
    fn reports_every_problem_at_once() {
        let mut problems = Problems::default();
        let port = problems.parse::<u16>("PORT", "many");
        let ttl = problems.duration("TTL", "0s");
        let key = problems.key("KEY", source("c2hvcnQ="));

        let error = problems
            .finish(|| Some((port?, ttl?, key?)))
            .unwrap_err()
            .to_string();

        assert_eq!(
            error,
            "the configuration cannot be used:\n  - PORT: \"many\": invalid digit found in string\n  - TTL: \"0s\": must be from 1s to 100y\n  - KEY: has 5 bytes, 32 are needed"
        );
    }

    #[test]
    fn durations_have_bounds() {
        let mut problems = Problems::default();
        assert!(problems.duration("T", "1s").is_some());
        assert!(
            problems.duration("T", "100years").is_none(),
            "leap days included"
        );
        assert!(problems.duration("T", "99years").is_some());
        for text in ["0s", "999ms", "1000000y", "soon", ""] {
            assert!(problems.duration("T", text).is_none(), "{text}");
        }
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
