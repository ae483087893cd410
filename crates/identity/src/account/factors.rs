//! Administration of the factors of accounts, for `AdminService` and the command line.

use crate::{
    account::{
        Accounts, ChangeAccountError, CredentialChange, CredentialKind, CredentialRecord,
        StatusChange,
    },
    audit::AuditKind,
    call_context::CallContext,
    id::{CredentialId, UserId},
    login::EndReason,
    store::Change,
};

impl Accounts {
    /// Returns the credentials of an account, the oldest first.
    pub async fn credentials(
        &self,
        id: UserId,
    ) -> Result<Vec<CredentialRecord>, ChangeAccountError> {
        let user = self.by_id(id).await?;
        Ok(self.store.credentials(user.id).await?)
    }

    /// Removes all factors of an account but its password, and ends all of its logins, for an owner who lost them. False if there was none.
    /// The caller must have verified the identity of the account's owner. Those of an account without a password are not removed: it is given a password before,
    /// by [`set_password`](Self::set_password), which its owner is given.
    pub async fn reset_factors(
        &self,
        id: UserId,
        context: &CallContext,
    ) -> Result<bool, ChangeAccountError> {
        loop {
            let account = self.account(id).await?;
            let credentials = self.store.credentials(id).await?;
            let other = credentials
                .iter()
                .filter(|one| one.kind != CredentialKind::Password);
            let removed: Vec<CredentialId> = other.map(|one| one.id).collect();
            if removed.is_empty() {
                return Ok(false);
            }
            if account.is_passwordless() {
                return Err(ChangeAccountError::Passwordless);
            }
            let events = [self.event(context, AuditKind::FactorsReset, id)];
            let change = CredentialChange {
                user: id,
                from: account.authentication_version,
                by: None,
                removed: &removed,
                added: &[],
                ends: Some(EndReason::FactorsChanged),
                now: self.clock.now(),
            };
            let changed = self.store.change_credentials(&change, &events).await?;
            if changed.is_some() {
                self.audit.committed(true, &events);
                self.revocations.catch_up().await;
                return Ok(true);
            }
        }
    }

    /// Sets whether an account must have a second factor, whatever the policy of the installation is. The logins of one that has none end, so
    /// that it is set up at the next sign-in.
    pub async fn require_second_factor(
        &self,
        id: UserId,
        required: bool,
        context: &CallContext,
    ) -> Result<StatusChange, ChangeAccountError> {
        let account = self.account(id).await?;
        let ends = required && !account.credentials.has_second_factor();
        let kind = if required {
            AuditKind::SecondFactorRequired
        } else {
            AuditKind::SecondFactorNotRequired
        };
        let events = [self.event(context, kind, id)];
        let ends = ends.then_some(EndReason::FactorsChanged);
        let now = self.clock.now();
        let change = self
            .store
            .set_second_factor_required(id, required, ends, now, &events)
            .await?;
        self.audit.committed(change == Change::Applied, &events);
        self.revocations.catch_up().await;
        self.status_change(id, change).await
    }
}
