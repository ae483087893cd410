//! The audit trail of the process; attempt counters and replay cache, each in memory and in Redis.

pub mod audit_trail;
pub mod counters;
pub mod redis;
pub mod replay_cache;
