//! What the SQL drivers of the store share: rows as values of the rules, and values as texts and numbers of columns; and
//! the order of the writes of a sign-in.
//!
//! Both drivers have the same tables. Times are milliseconds since 1970 in UTC, identifiers are UUIDs in canonical text, so that a
//! deployment moves from one to the other without a conversion.

pub mod account;
pub mod audit;
pub mod checkpoint;
pub mod column;
pub mod consent;
pub mod credential;
pub mod inspection;
pub mod key;
pub mod known_location;
pub mod login;
pub mod login_filter;
pub mod logout_delivery;
pub mod migration;
pub mod oauth_client;
pub mod passkey;
pub mod revocation;
pub mod sign_in;
pub mod signal;
mod sql_row;
pub mod traced;
pub mod trusted_browser;

pub use self::sql_row::{SqlRow, optional_time, parse, parse_optional, time, unavailable};
