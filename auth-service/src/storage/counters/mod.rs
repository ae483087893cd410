//! Where attempts are counted: in memory, or in Redis for several instances.

pub mod memory;
pub mod redis;
