//! What a database contains, as an inspection finds it that changes nothing.

use std::cmp::Ordering;

use holdfast_identity::{key::StoredSigningKey, store::StoreError};
use sqlx::migrate::Migrator;

use crate::SqlRow;

/// The migrations in a database, for [`SchemaState::of`].
pub const APPLIED_MIGRATIONS: &str =
    "SELECT version, checksum FROM _sqlx_migrations ORDER BY version";
/// The signing keys, for [`signing_key`](crate::key::signing_key).
pub const SIGNING_KEYS: &str =
    "SELECT * FROM signing_keys WHERE revoked_at IS NULL ORDER BY signs_from, kid";
/// The secret keys, for [`secret_key`].
pub const SECRET_KEYS: &str = "SELECT name, sealed FROM secret_keys ORDER BY name";

/// The schema of a database, compared with that of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// There is none: no version has opened the database.
    Missing,
    /// That of this version, which has this number.
    Current(i64),
    /// That of an earlier version, which the next start migrates.
    Earlier {
        /// The number of the latest migration in the database.
        found: i64,
        /// The number of the latest migration that this version has.
        known: i64,
    },
    /// That of a later version.
    Later {
        /// The number of the latest migration in the database.
        found: i64,
        /// The number of the latest migration that this version has.
        known: i64,
        /// Whether this version works with it.
        is_compatible: bool,
    },
    /// The migration with this number differs from that of this version.
    Other(i64),
}

impl SchemaState {
    /// The state of a database with these migrations: number and checksum of each. `earliest` is the number of the earliest schema whose
    /// version works with that of the database, if it says so.
    #[must_use]
    pub fn of(applied: &[(i64, Vec<u8>)], own: &Migrator, earliest: Option<i64>) -> Self {
        let known = own.iter().map(|one| one.version).max().unwrap_or_default();
        let Some(found) = applied.iter().map(|(version, _)| *version).max() else {
            return Self::Missing;
        };
        let differs = |(version, checksum): &&(i64, Vec<u8>)| {
            let mut own = own.iter().filter(|one| one.version == *version);
            own.next()
                .map_or(*version <= known, |one| *one.checksum != **checksum)
        };
        if let Some((version, _)) = applied.iter().find(differs) {
            return Self::Other(*version);
        }
        match found.cmp(&known) {
            Ordering::Less => Self::Earlier { found, known },
            Ordering::Equal => Self::Current(known),
            Ordering::Greater => Self::Later {
                found,
                known,
                is_compatible: earliest.is_some_and(|earliest| earliest <= known),
            },
        }
    }
}

/// The keys in a database, which are sealed.
#[derive(Clone, Debug, Default)]
pub struct StoredKeys {
    /// The signing keys that are not revoked, in the order in which they sign.
    pub signing: Vec<StoredSigningKey>,
    /// Names of the secret keys, and the sealed keys.
    pub secret: Vec<(String, Vec<u8>)>,
}

/// A row of [`APPLIED_MIGRATIONS`].
///
/// # Errors
/// When a column is missing or invalid.
pub fn applied_migration(row: &impl SqlRow) -> Result<(i64, Vec<u8>), StoreError> {
    Ok((row.integer("version")?, row.bytes("checksum")?.to_vec()))
}

/// A row of [`SECRET_KEYS`].
///
/// # Errors
/// When a column is missing or invalid.
pub fn secret_key(row: &impl SqlRow) -> Result<(String, Vec<u8>), StoreError> {
    Ok((row.text("name")?.to_owned(), row.bytes("sealed")?.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::migrator;

    #[test]
    fn schema_is_compared_by_numbers_and_checksums() {
        let own = migrator(&[("0001_one", "SELECT 1"), ("0002_two", "SELECT 2")]);
        let mut applied: Vec<_> = own
            .iter()
            .map(|one| (one.version, one.checksum.to_vec()))
            .collect();
        let state = |applied: &[_], earliest| SchemaState::of(applied, &own, earliest);
        assert_eq!(state(&[], None), SchemaState::Missing);
        assert_eq!(state(&applied, None), SchemaState::Current(2));
        let (found, known) = (1, 2);
        let earlier = SchemaState::Earlier { found, known };
        assert_eq!(state(&applied[..1], None), earlier);
        let other = [(1, vec![0])];
        assert_eq!(state(&other, None), SchemaState::Other(1));
        applied.push((3, vec![0]));
        for (earliest, is_compatible) in [(None, false), (Some(3), false), (Some(2), true)] {
            let later = SchemaState::Later {
                found: 3,
                known: 2,
                is_compatible,
            };
            assert_eq!(state(&applied, earliest), later);
        }
    }
}
