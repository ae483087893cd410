//! The URL of a PostgreSQL database.

use std::{fmt, path::PathBuf};

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};

use super::database::FORM;

/// The parameters that a PostgreSQL URL may have.
const PARAMETERS: [&str; 8] = [
    "application_name",
    "host",
    "options",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
];

/// The URL of a PostgreSQL database, which may contain a password. The driver parses its parameters.
#[derive(Clone)]
pub struct PostgresUrl(SecretString);

impl PostgresUrl {
    /// Takes `postgres://` with a host and a database.
    ///
    /// # Errors
    /// In words, with an example and without the URL.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let postgres = url
            .strip_prefix("postgres://")
            .or(url.strip_prefix("postgresql://"));
        let parts = postgres.and_then(|rest| rest.split_once('/'));
        let (server, database) = parts.ok_or_else(|| FORM.to_owned())?;
        let (database, query) = database.split_once('?').unwrap_or((database, ""));
        if let Some(name) = unknown_parameter(query) {
            return Err(format!(
                "has the parameter {name}; known are {}",
                PARAMETERS.join(", ")
            ));
        }
        let has_both = !server.is_empty() && !database.is_empty();
        has_both
            .then(|| Self(url.to_owned().into()))
            .ok_or_else(|| FORM.to_owned())
    }

    /// The private key with which this service authenticates, if the URL names one.
    #[must_use]
    pub fn key_file(&self) -> Option<PathBuf> {
        let (_, query) = self.expose().split_once('?')?;
        let mut parameters = query.split('&').filter_map(|pair| pair.split_once('='));
        let (_, key) = parameters.find(|(name, _)| *name == "sslkey")?;
        let key = percent_decode_str(key).decode_utf8().ok()?;
        // The driver also takes the key itself.
        (!key.trim_start().starts_with("-----")).then(|| PathBuf::from(key.into_owned()))
    }

    /// The URL, with its password.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PostgresUrl(..)")
    }
}

/// The name of the first parameter that is not one of [`PARAMETERS`]. The driver writes an unknown one to the log with its value, which may
/// be a secret.
fn unknown_parameter(query: &str) -> Option<&str> {
    let names = query.split('&').filter(|pair| !pair.is_empty());
    let mut names = names.map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    names.find(|name| !PARAMETERS.contains(name))
}
