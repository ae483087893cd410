//! What an access token may be used for.

use std::{collections::BTreeSet, fmt, str::FromStr};

use crate::account::User;

/// One scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Who the person is.
    Profile,
    /// The person's own account: `AccountService`.
    Account,
    /// Everybody's accounts: `AdminService`.
    Admin,
    /// What an application calls its own; only clients are granted such.
    Of(ScopeName),
}

/// The name of an application's own scope: at most 64 of the characters that RFC 6749 §3.3 allows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScopeName(String);

impl Scope {
    /// What people can be granted.
    const OF_PEOPLE: [Self; 3] = [Self::Profile, Self::Account, Self::Admin];
    const MAX_LENGTH: usize = 64;

    /// The scope's name on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Profile => "profile",
            Self::Account => "account",
            Self::Admin => "admin",
            Self::Of(ScopeName(name)) => name,
        }
    }

    /// Whether it is an application's own.
    #[must_use]
    pub const fn is_of_application(&self) -> bool {
        matches!(self, Self::Of(_))
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let own = Self::OF_PEOPLE.into_iter();
        if let Some(scope) = own.clone().find(|scope| scope.as_str() == text) {
            return Ok(scope);
        }
        let is_allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if (1..=Self::MAX_LENGTH).contains(&text.len()) && text.bytes().all(is_allowed) {
            Ok(Self::Of(ScopeName(text.to_owned())))
        } else {
            Err(UnknownScope)
        }
    }
}

/// There can be no such scope.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown scope")]
pub struct UnknownScope;

/// A set of scopes; on the wire their names, separated by spaces (RFC 6749 §3.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// The scopes that `user` may be granted.
    #[must_use]
    pub fn grantable(user: &User) -> Self {
        Scope::OF_PEOPLE
            .into_iter()
            .filter(|scope| *scope != Scope::Admin || user.admin)
            .collect()
    }

    /// Whether `scope` is one of them.
    #[must_use]
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.contains(scope)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// Whether each of `self` is one of `others`.
    #[must_use]
    pub fn is_within(&self, others: &Self) -> bool {
        self.0.is_subset(&others.0)
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl FromStr for Scopes {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        text.split(' ')
            .filter(|name| !name.is_empty())
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(f, "{separator}{}", scope.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_names_is_a_set() {
        let scopes: Scopes = "account profile  account".parse().unwrap();
        assert_eq!(scopes.to_string(), "profile account");
        let own: Scopes = "orders:read account".parse().unwrap();
        assert_eq!(own.to_string(), "account orders:read");
        for unwritable in ["a\"b", "a\\b", "ä", "a\tb"] {
            assert_eq!(unwritable.parse::<Scopes>(), Err(UnknownScope));
        }
        assert_eq!("x".repeat(65).parse::<Scopes>(), Err(UnknownScope));
        assert!("".parse::<Scopes>().unwrap().is_empty());
    }
}
