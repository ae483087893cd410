//! Selections of logins, which end together.

use holdfast_identity::id::{Sid, UserId};

/// A selection of logins. Each driver has its SQL.
pub enum LoginFilter {
    /// Logins by their `sid`.
    These(Vec<Sid>),
    /// The login with this `sid`, if it belongs to the account.
    OneOf(UserId, Sid),
    /// All logins of an account.
    AllOf(UserId),
    /// All logins of an account except one.
    AllOfBut(UserId, Sid),
    /// All logins of all accounts.
    All,
}

impl LoginFilter {
    /// All logins of an account, except one if there is an exception.
    #[must_use]
    pub fn all_of(user: UserId, except: Option<Sid>) -> Self {
        except.map_or(Self::AllOf(user), |sid| Self::AllOfBut(user, sid))
    }
}
