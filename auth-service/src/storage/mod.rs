//! SQL, memory and Redis behind the domain's ports.

pub mod counters;
pub mod redis;
pub mod replay_cache;
