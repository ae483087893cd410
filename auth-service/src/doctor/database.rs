//! The database: what is checked whatever it is.

use holdfast_core::clock::Clock;
use holdfast_server_kit::doctor::{Check, Finding, checks::limits};

#[cfg(feature = "postgres")]
use super::postgres;
use super::{durability, keys, schema, sqlite};
use crate::config::{Database, ServeConfig};

pub(super) static REACHABLE: Check = Check {
    id: "database.reachable",
    why: "Without its database auth-service does not start, and a running one accepts no sign-in and no refresh",
};

/// All checks, in the order of their findings.
pub(super) static CHECKS: &[&Check] = &[
    &REACHABLE,
    &schema::SCHEMA,
    &durability::DURABILITY,
    &sqlite::INTEGRITY,
    #[cfg(feature = "postgres")]
    &postgres::LATENCY,
    #[cfg(feature = "postgres")]
    &postgres::ENCRYPTION,
    #[cfg(feature = "postgres")]
    &postgres::CLOCK,
    &keys::SEALED,
    &keys::ROTATION,
    &limits::DISK,
];

pub(super) async fn check(config: &ServeConfig, clock: &dyn Clock) -> Vec<Finding> {
    match &config.database {
        Database::Sqlite(file) => sqlite::check(file, config, clock.now()).await,
        #[cfg(feature = "postgres")]
        Database::Postgres { url, .. } => postgres::check(url, config, clock).await,
    }
}
