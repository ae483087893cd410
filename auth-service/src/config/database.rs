//! Where the store is.

use std::{fmt, path::PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

const FORM: &str = "must be sqlite:FILE without parameters, such as sqlite:/var/lib/holdfast/auth.db, or \
     postgres://USER@HOST/DATABASE";

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

/// The database of the store.
#[derive(Clone, Debug)]
pub enum Database {
    /// One `SQLite` file, which is created if there is none.
    Sqlite(PathBuf),
    /// A PostgreSQL database, which must exist. Several instances may share it.
    Postgres {
        /// Its URL.
        url: PostgresUrl,
        /// Maximum number of connections of this instance.
        max_connections: u32,
    },
}

/// The URL of a PostgreSQL database, which may contain a password. The driver parses its parameters.
#[derive(Clone)]
pub struct PostgresUrl(SecretString);

impl PostgresUrl {
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

impl Database {
    /// Takes `sqlite:FILE`, or `postgres://` with a host and a database.
    ///
    /// # Errors
    /// In words, with an example and without the URL.
    pub fn parse(url: &str, max_connections: u32) -> Result<Self, String> {
        let sqlite = url
            .strip_prefix("sqlite://")
            .or(url.strip_prefix("sqlite:"));
        if let Some(file) = sqlite {
            let is_file = !file.is_empty() && file != ":memory:" && !file.contains('?');
            let file = is_file.then(|| Self::Sqlite(file.into()));
            return file.ok_or_else(|| FORM.to_owned());
        }
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
        let url = PostgresUrl(url.to_owned().into());
        has_both
            .then_some(Self::Postgres {
                url,
                max_connections,
            })
            .ok_or_else(|| FORM.to_owned())
    }
}

/// The name of the first parameter that is not one of [`PARAMETERS`]. The driver writes an unknown one to the log with its value, which may
/// be a secret.
fn unknown_parameter(query: &str) -> Option<&str> {
    let names = query.split('&').filter(|pair| !pair.is_empty());
    let mut names = names.map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    names.find(|name| !PARAMETERS.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_names_a_file_or_a_database_of_a_server() {
        for (url, is_sqlite) in [
            ("sqlite:auth.db", true),
            ("sqlite:///var/lib/auth.db", true),
            (
                "postgres://auth:hush@db/holdfast?sslmode=verify-full",
                false,
            ),
            ("postgresql://db:5433/holdfast", false),
        ] {
            let database = Database::parse(url, 1).unwrap();
            assert_eq!(matches!(database, Database::Sqlite(_)), is_sqlite, "{url}");
            assert!(!format!("{database:?}").contains("hush"));
        }
        for url in [
            "auth.db",
            "sqlite:",
            "sqlite::memory:",
            "sqlite:auth.db?mode=rwc",
            "mysql://db/holdfast",
            "postgres://db",
            "postgres:///holdfast",
            "postgres://db/?sslmode=disable",
            "postgres://db/holdfast?sslpassword=hush",
        ] {
            assert!(Database::parse(url, 1).is_err(), "{url}");
        }
    }
}
