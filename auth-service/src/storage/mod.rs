//! SQL, memory and Redis behind the domain's ports.

pub mod counters;
pub mod redis;
pub mod replays;
pub mod sqlite;
