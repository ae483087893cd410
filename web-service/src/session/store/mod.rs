//! Where session records are kept.

pub mod encrypted_store;
pub mod inspection;
mod invalidation;
pub mod memory;
mod metrics;
mod record;
pub mod redis;
mod redis_client;
mod redis_connection;
mod redis_records;
mod replicated_writer;
mod seal;
mod sentinels;
pub mod session_cache;
mod tracking;

pub(crate) use self::metrics::register as register_metrics;
