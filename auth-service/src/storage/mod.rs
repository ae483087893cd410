//! Attempt counters and replay cache, each in memory and in Redis.

pub mod counters;
pub mod redis;
pub mod replay_cache;
