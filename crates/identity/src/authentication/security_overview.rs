//! What the account's owner sees of the security of the account.

use crate::{
    account::{Account, CredentialKind, CredentialRecord, User},
    authentication::{AssuranceLevel, AuthenticationService},
    error::Fault,
    id::CredentialId,
    token::Person,
};

/// The credentials of an account, and what is required of it.
#[derive(Clone, Debug)]
pub struct SecurityOverview {
    /// The account.
    pub user: User,
    /// Its credentials without recovery codes, the oldest first.
    pub credentials: Vec<CredentialRecord>,
    /// Number of recovery codes that were not used.
    pub recovery_codes_left: u32,
    /// Whether it must have a second factor.
    pub second_factor_required: bool,
    /// Whether its other credentials are enough without its password; true for an account without one.
    pub is_password_optional: bool,
    /// The greatest strength that an authentication with its credentials has, which a change of them requires.
    pub strongest_level: AssuranceLevel,
}

impl AuthenticationService {
    /// Returns the overview of the caller's account; `None` if it was deleted.
    pub async fn security_overview(
        &self,
        caller: &Person,
    ) -> Result<Option<SecurityOverview>, Fault> {
        let store = &self.deps.store;
        let Some(account) = store.account(caller.subject).await? else {
            return Ok(None);
        };
        let credentials = store.credentials(caller.subject).await?;
        let password = CredentialId::password_of(caller.subject);
        let left = self.left_without(&account, &credentials, password).await?;
        let is_password_optional = self.deps.passkeys.is_some() && left.is_enough();
        Ok(Some(SecurityOverview {
            is_password_optional: account.is_passwordless() || is_password_optional,
            ..self.overview(account, credentials)
        }))
    }

    fn overview(&self, account: Account, credentials: Vec<CredentialRecord>) -> SecurityOverview {
        let is_code = |one: &CredentialRecord| one.kind == CredentialKind::RecoveryCode;
        let (codes, credentials): (Vec<_>, _) = credentials.into_iter().partition(is_code);
        let left = codes.iter().filter(|code| !code.is_used_up()).count();
        SecurityOverview {
            second_factor_required: self.policy.second_factor.requires(&account.user),
            is_password_optional: account.is_passwordless(),
            strongest_level: account.strongest_level(),
            user: account.user,
            credentials,
            recovery_codes_left: u32::try_from(left).unwrap_or(u32::MAX),
        }
    }
}
