//! Where the store is.

use std::path::{Path, PathBuf};

#[cfg(feature = "postgres")]
use super::postgres_url::PostgresUrl;

pub(super) const FORM: &str = "must be sqlite:FILE without parameters, such as sqlite:/var/lib/holdfast/auth.db, or \
     postgres://USER@HOST/DATABASE";

/// The database of the store.
#[derive(Clone, Debug)]
pub enum Database {
    /// One `SQLite` file, which is created if there is none.
    Sqlite(PathBuf),
    /// A PostgreSQL database, which must exist. Several instances may share it.
    #[cfg(feature = "postgres")]
    Postgres {
        /// Its URL.
        url: PostgresUrl,
        /// Maximum number of connections of this instance.
        max_connections: u32,
    },
}

impl Database {
    /// The file of the database; `None`: it is on a server, which several instances may share.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(file) => Some(file),
            #[cfg(feature = "postgres")]
            Self::Postgres { .. } => None,
        }
    }

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
        postgres(url, max_connections)
    }
}

#[cfg(feature = "postgres")]
fn postgres(url: &str, max_connections: u32) -> Result<Database, String> {
    let url = PostgresUrl::parse(url)?;
    Ok(Database::Postgres {
        url,
        max_connections,
    })
}

#[cfg(not(feature = "postgres"))]
fn postgres(url: &str, _max_connections: u32) -> Result<Database, String> {
    let is_postgres = url.starts_with("postgres");
    Err(if is_postgres {
        "is of PostgreSQL, whose store this program was built without (feature `postgres`)"
            .to_owned()
    } else {
        FORM.to_owned()
    })
}

#[cfg(all(test, feature = "postgres"))]
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
