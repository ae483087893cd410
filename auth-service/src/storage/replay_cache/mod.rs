//! Where it is remembered what is good once: in memory, or in Redis for several instances.

pub mod memory;
pub mod redis;
