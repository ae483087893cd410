//! Attempt counters: in memory for one instance, in Redis for several.

pub mod memory;
pub mod redis;
