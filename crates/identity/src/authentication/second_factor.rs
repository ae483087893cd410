//! Which accounts need a second factor, and what has to follow the factors that were verified.

use crate::{
    account::{Account, CredentialKind, PasswordRole, User},
    authentication::{AssuranceLevel, Factors},
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

    /// The role of the account's password.
    #[must_use]
    pub const fn password_role(self, user: &User) -> PasswordRole {
        if self.requires(user) {
            PasswordRole::OneOfTwoFactors
        } else {
            PasswordRole::OnlyFactor
        }
    }
}

/// What has to follow the factors of an authentication that were verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Requirement {
    /// Nothing: the authentication is complete.
    Nothing,
    /// A credential of one of these kinds.
    OneOf(Vec<CredentialKind>),
    /// The set-up of a second factor, which the account must have and has not.
    Enrolment,
    /// The registration of a passkey, in place of those that the owner of an account without a password lost.
    PasskeyReplacement,
}

impl Requirement {
    /// The requirement after the first factor and each further one, at every door. `min_level`: what the caller requires besides.
    pub(super) fn after(
        verified: &Factors,
        account: &Account,
        policy: SecondFactorPolicy,
        min_level: Option<AssuranceLevel>,
    ) -> Self {
        let has_second_factor = account.credentials.has_second_factor();
        let is_mandatory = has_second_factor || policy.requires(&account.user);
        let is_mandatory = is_mandatory || account.is_passwordless();
        let own = is_mandatory.then_some(AssuranceLevel::Aal2);
        let required = own.max(min_level);
        if verified.level() >= required {
            return Self::Nothing;
        }
        if account.is_passwordless() && verified.is_recovery_code_alone() {
            return Self::PasskeyReplacement;
        }
        if !has_second_factor {
            return Self::Enrolment;
        }
        let kinds: &[CredentialKind] = match required {
            Some(AssuranceLevel::PhishingResistant) => &[CredentialKind::Passkey],
            _ => &[
                CredentialKind::Passkey,
                CredentialKind::Totp,
                CredentialKind::RecoveryCode,
            ],
        };
        let of_account = kinds.iter().copied();
        let of_account = of_account.filter(|kind| account.credentials.contains(*kind));
        Self::OneOf(of_account.collect())
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::{account::AuthenticationVersion, authentication::Factor, id::UserId};

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
        Requirement::after(&Factor::Password.into(), account, policy, None)
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
            let next = Requirement::OneOf(vec![CredentialKind::Totp, CredentialKind::RecoveryCode]);
            assert_eq!(after_password(&both, policy), next);
            let one = account(false, "password totp");
            let next = Requirement::OneOf(vec![CredentialKind::Totp]);
            assert_eq!(after_password(&one, policy), next);
            for factor in [Factor::Totp, Factor::RecoveryCode] {
                let factors = Factors::from(Factor::Password).with(factor);
                let next = Requirement::after(&factors, &both, policy, None);
                assert_eq!(next, Requirement::Nothing);
                // Without the password, a code is one factor.
                let next = Requirement::after(&factor.into(), &both, policy, None);
                assert_ne!(next, Requirement::Nothing);
            }
        }
    }

    #[test]
    fn passkey_is_enough_and_what_a_caller_may_require() {
        let account = account(false, "password passkey totp");
        let policy = SecondFactorPolicy::Required;
        let phr = Some(AssuranceLevel::PhishingResistant);
        for factors in [
            Factors::from(Factor::SyncedPasskey),
            Factors::from(Factor::Password).with(Factor::DevicePasskey),
        ] {
            let next = Requirement::after(&factors, &account, policy, phr);
            assert_eq!(next, Requirement::Nothing);
        }
        let passkey = Requirement::OneOf(vec![CredentialKind::Passkey]);
        let both = Factors::from(Factor::Password).with(Factor::Totp);
        for factors in [Factor::Password.into(), both] {
            let next = Requirement::after(&factors, &account, policy, phr);
            assert_eq!(next, passkey);
        }
    }

    #[test]
    fn recovery_code_of_account_without_password_is_followed_by_a_new_passkey() {
        let policy = SecondFactorPolicy::Optional;
        let code = Factors::from(Factor::RecoveryCode);
        // Also after the last code, and where passkeys cannot be found any more.
        for credentials in ["passkey recovery_code", "passkey totp", "totp", ""] {
            let account = account(false, credentials);
            let next = Requirement::after(&code, &account, policy, None);
            assert_eq!(next, Requirement::PasskeyReplacement, "{credentials}");
            let both = code.clone().with(Factor::SyncedPasskey);
            let next = Requirement::after(&both, &account, policy, None);
            assert_eq!(next, Requirement::Nothing, "{credentials}");
        }
        let account = account(false, "password passkey recovery_code");
        let next = Requirement::after(&code, &account, policy, None);
        assert_ne!(next, Requirement::PasskeyReplacement);
    }

    #[test]
    fn password_may_be_shorter_where_a_second_factor_is_mandatory() {
        let (admin, user) = (account(true, ""), account(false, ""));
        let policy = SecondFactorPolicy::Admins;
        assert_eq!(
            policy.password_role(&admin.user),
            PasswordRole::OneOfTwoFactors
        );
        assert_eq!(policy.password_role(&user.user), PasswordRole::OnlyFactor);
    }
}
