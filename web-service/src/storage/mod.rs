//! Where session records are kept, behind the domain's port.

pub mod memory;
mod record;
pub mod redis;
mod seal;
pub mod sealed;
