//! SQL behind the domain's ports.

pub mod sqlite;
