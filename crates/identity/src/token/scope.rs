//! Scopes (RFC 6749 §3.3).

use std::{collections::BTreeSet, fmt, str::FromStr};

use crate::account::User;

/// A scope that a token can have: of people (`profile`, `account`, `admin`), of OpenID Connect (`openid`, `offline_access`), or a name that an
/// OAuth client is registered for (RFC 6749 §3.3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// `profile`: identifier and username of the account.
    Profile,
    /// `account`: the account's own administration, `AccountService`.
    Account,
    /// `admin`: the administration of all accounts, `AdminService`.
    Admin,
    /// `openid`: an ID token, and the claims of the account (OpenID Connect Core 1.0 §3.1.2.1).
    OpenId,
    /// `offline_access`: a refresh token (OpenID Connect Core 1.0 §11).
    OfflineAccess,
    /// A scope that an application defines. Only OAuth clients are granted such scopes.
    Application(ScopeName),
}

/// The name of a scope of an application: 1 to 64 of the characters that RFC 6749 §3.3 allows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScopeName(String);

impl Scope {
    /// Scopes that accounts can be granted.
    const OF_ACCOUNTS: [Self; 3] = [Self::Profile, Self::Account, Self::Admin];
    const OF_OPENID: [Self; 2] = [Self::OpenId, Self::OfflineAccess];
    const MAX_LENGTH: usize = 64;

    /// Returns the scope's name as it is in `scope`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Profile => "profile",
            Self::Account => "account",
            Self::Admin => "admin",
            Self::OpenId => "openid",
            Self::OfflineAccess => "offline_access",
            Self::Application(ScopeName(name)) => name,
        }
    }

    /// Whether an application defines it.
    #[must_use]
    pub const fn is_application(&self) -> bool {
        matches!(self, Self::Application(_))
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let mut own = Self::OF_ACCOUNTS.into_iter().chain(Self::OF_OPENID);
        if let Some(scope) = own.find(|scope| scope.as_str() == text) {
            return Ok(scope);
        }
        let is_allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if (1..=Self::MAX_LENGTH).contains(&text.len()) && text.bytes().all(is_allowed) {
            Ok(Self::Application(ScopeName(text.to_owned())))
        } else {
            Err(UnknownScope)
        }
    }
}

/// The text cannot be a scope.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown scope")]
pub struct UnknownScope;

/// A set of scopes. Its text form is their names, separated by spaces (RFC 6749 §3.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Returns the scopes that a sign-in to an account may have: `admin` only those of administrators.
    #[must_use]
    pub fn grantable(user: &User) -> Self {
        Scope::OF_ACCOUNTS
            .into_iter()
            .filter(|scope| *scope != Scope::Admin || user.admin)
            .collect()
    }

    /// Whether `scope` is in the set.
    #[must_use]
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.contains(scope)
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Iterates over the scopes in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// Returns the scopes of both sets.
    #[must_use]
    pub fn union(&self, others: &Self) -> Self {
        Self(self.0.union(&others.0).cloned().collect())
    }

    /// Whether the set is a subset of `others`.
    #[must_use]
    pub fn is_within(&self, others: &Self) -> bool {
        self.0.is_subset(&others.0)
    }
}

/// Returns `scopes` if it is a subset of `limit`.
pub(super) fn within(scopes: Scopes, limit: &Scopes) -> Option<Scopes> {
    scopes.is_within(limit).then_some(scopes)
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
    fn scope_list_is_parsed_as_a_set() {
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
