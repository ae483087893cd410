//! What an access token may be used for.

use std::{collections::BTreeSet, fmt, str::FromStr};

use super::user::User;

/// One scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Who the person is.
    Profile,
    /// The person's own account: `AccountService`.
    Account,
    /// Everybody's accounts: `AdminService`.
    Admin,
}

impl Scope {
    const ALL: [Self; 3] = [Self::Profile, Self::Account, Self::Admin];

    /// The scope's name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Account => "account",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or(UnknownScope)
    }
}

/// There is no such scope.
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
        Scope::ALL
            .into_iter()
            .filter(|scope| *scope != Scope::Admin || user.admin)
            .collect()
    }

    /// Whether `scope` is one of them.
    #[must_use]
    pub fn contains(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
        assert_eq!("profile root".parse::<Scopes>(), Err(UnknownScope));
        assert!("".parse::<Scopes>().unwrap().is_empty());
    }
}
