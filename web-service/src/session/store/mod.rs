//! Where session records are kept, behind the domain's port.

pub mod memory;
pub mod once;
mod record;
pub mod redis;
mod redis_records;
mod seal;
pub mod sealed;
pub mod tracked;
mod tracking;
