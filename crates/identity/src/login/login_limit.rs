//! How many logins an account may have.

/// Maximum number of live logins of an account. When another one starts, the oldest ends.
pub const MAX_LIVE_LOGINS: u32 = 100;
