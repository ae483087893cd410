//! Which accounts need a second factor, and what has to follow the factors that were verified.

use crate::{
    account::{Account, CredentialKind, MIN_LENGTH, MIN_LENGTH_OF_TWO_FACTORS, User},
    authentication::{AssuranceLevel, Factor, Factors},
};

/// Which accounts must have a second factor, besides those of which an administrator requires it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondFactorPolicy {
    /// None: the owner decides. An account that has one uses it.
    #[default]
    Optional,
    /// Those that may be granted the scope `admin`.
    Admins,
    /// All.
    Required,
}

impl SecondFactorPolicy {
    /// Whether the account must have a second factor.
    #[must_use]
    pub const fn requires(self, user: &User) -> bool {
        user.second_factor_required
            || match self {
                Self::Optional => false,
                Self::Admins => user.admin,
                Self::Required => true,
            }
    }

    /// Minimum length of a new password of the account, in code points (NIST SP 800-63B-4 §3.1.1.2).
    #[must_use]
    pub const fn min_password_length(self, user: &User) -> usize {
        if self.requires(user) {
            MIN_LENGTH_OF_TWO_FACTORS
        } else {
            MIN_LENGTH
        }
    }
}

/// What has to follow the factors of an authentication that were verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Requirement {
    /// Nothing: the authentication is complete.
    Nothing,
    /// One of these factors.
    OneOf(Vec<Factor>),
    /// The set-up of a second factor, which the account must have and has not.
    Enrolment,
}

impl Requirement {
    /// The requirement after the first factor and each further one, at every door.
    pub(super) fn after(verified: &Factors, account: &Account, policy: SecondFactorPolicy) -> Self {
        if AssuranceLevel::of(verified) >= Some(AssuranceLevel::Aal2) {
            return Self::Nothing;
        }
        if account.credentials.has_second_factor() {
            let kinds = [
                (CredentialKind::Totp, Factor::Totp),
                (CredentialKind::RecoveryCode, Factor::RecoveryCode),
            ];
            let of_account = kinds
                .into_iter()
                .filter(|(kind, _)| account.credentials.contains(*kind));
            return Self::OneOf(of_account.map(|(_, factor)| factor).collect());
        }
        if policy.requires(&account.user) {
            return Self::Enrolment;
        }
        Self::Nothing
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::{account::AuthenticationVersion, id::UserId};

    fn account(admin: bool, credentials: &str) -> Account {
        Account {
            user: User {
                id: UserId::from_bytes([1; 16]),
                username: "ada".parse().unwrap(),
                admin,
                disabled: false,
                second_factor_required: false,
                created_at: OffsetDateTime::UNIX_EPOCH,
                password_changed_at: None,
            },
            password_hash: None,
            credentials: credentials.parse().unwrap(),
            authentication_version: AuthenticationVersion::FIRST,
        }
    }

    fn after_password(account: &Account, policy: SecondFactorPolicy) -> Requirement {
        Requirement::after(&Factor::Password.into(), account, policy)
    }

    #[test]
    fn password_alone_is_enough_where_there_is_no_second_factor() {
        use SecondFactorPolicy::{Admins, Optional, Required};

        for (admin, policy, expected) in [
            (false, Optional, Requirement::Nothing),
            (true, Optional, Requirement::Nothing),
            (false, Admins, Requirement::Nothing),
            (true, Admins, Requirement::Enrolment),
            (false, Required, Requirement::Enrolment),
        ] {
            // Recovery codes stand in for a second factor, and are none.
            for credentials in ["password", "password recovery_code"] {
                let account = account(admin, credentials);
                assert_eq!(after_password(&account, policy), expected);
            }
        }
        let mut required = account(false, "password");
        required.user.second_factor_required = true;
        assert_eq!(after_password(&required, Optional), Requirement::Enrolment);
    }

    #[test]
    fn second_factor_of_the_account_is_used_whatever_the_policy() {
        for policy in [SecondFactorPolicy::Optional, SecondFactorPolicy::Required] {
            let both = account(false, "password totp recovery_code");
            let next = Requirement::OneOf(vec![Factor::Totp, Factor::RecoveryCode]);
            assert_eq!(after_password(&both, policy), next);
            let one = account(false, "password totp");
            let next = Requirement::OneOf(vec![Factor::Totp]);
            assert_eq!(after_password(&one, policy), next);
            for factor in [Factor::Totp, Factor::RecoveryCode] {
                let factors = Factors::from(Factor::Password).with(factor);
                let next = Requirement::after(&factors, &both, policy);
                assert_eq!(next, Requirement::Nothing);
                // Without the password, a code is one factor.
                let next = Requirement::after(&factor.into(), &both, policy);
                assert_ne!(next, Requirement::Nothing);
            }
        }
    }

    #[test]
    fn password_may_be_shorter_where_a_second_factor_is_mandatory() {
        let (admin, user) = (account(true, ""), account(false, ""));
        let policy = SecondFactorPolicy::Admins;
        assert_eq!(policy.min_password_length(&admin.user), 8);
        assert_eq!(policy.min_password_length(&user.user), 15);
    }
}
