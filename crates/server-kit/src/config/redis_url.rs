//! URLs of Redis.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

const FORM: &str = "must be a URL such as redis://redis:6379";

/// Schemes with a host, and those that name a Unix socket by its path.
const NETWORK: [&str; 2] = ["redis", "valkey"];
const SOCKET: [&str; 3] = ["redis+unix", "valkey+unix", "unix"];

/// The URL of a Redis, which may contain its password. Its drivers parse the rest, such as the database.
#[derive(Clone)]
pub struct RedisUrl(SecretString);

impl RedisUrl {
    /// Takes `redis://` with a host, or `redis+unix://` with a path.
    ///
    /// # Errors
    /// In words, with an example and without the URL.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|why| format!("{FORM}: {why}"))?;
        let is_usable = if SOCKET.contains(&url.scheme()) {
            url.path().len() > 1
        } else {
            NETWORK.contains(&url.scheme()) && url.has_host()
        };
        if !is_usable {
            return Err(FORM.to_owned());
        }
        Ok(Self(text.to_owned().into()))
    }

    /// The URL, with its password.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUrl(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_has_a_scheme_of_redis_and_a_host() {
        for text in [
            "redis://redis:6379",
            "redis://:hush@127.0.0.1/1",
            "redis://[::1]",
            "redis+unix:///run/redis.sock",
        ] {
            assert_eq!(RedisUrl::parse(text).unwrap().expose(), text);
        }
        for text in [
            "",
            "redis",
            "redis:6379",
            "redis://",
            "http://:hush@redis",
            "unix://",
        ] {
            let error = RedisUrl::parse(text).unwrap_err();
            assert!(error.starts_with(FORM), "{text}: {error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn debug_output_has_no_password() {
        let url = RedisUrl::parse("redis://:hush@redis").unwrap();
        assert_eq!(format!("{url:?}"), "RedisUrl(..)");
    }
}
