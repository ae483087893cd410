//! The applications that the account's owner has signed in to, and the end of what they have access to.

use crate::{
    audit::{AuditKind, AuditSubject},
    authentication::StepUpRequired,
    call_context::CallContext,
    error::{Fault, StoreError, fault_from},
    login::{EndReason, LoginService},
    oauth::{ClientId, Consent},
    token::Person,
};

/// Why the access of an application was not ended.
#[derive(Debug, thiserror::Error)]
pub enum EndConsentError {
    /// The account's owner has not signed in to it.
    #[error("there is no such application")]
    NotFound,
    /// The caller must reauthenticate first.
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(EndConsentError: StoreError);

impl LoginService {
    /// Returns the applications that the caller has signed in to, the latest used first.
    pub async fn own_consents(&self, caller: &Person) -> Result<Vec<Consent>, Fault> {
        Ok(self.deps.store.consents_of(caller.subject).await?)
    }

    /// Ends what an application has access to: its grants in every login of the caller's account, and the consent. Requires a recent
    /// authentication.
    pub async fn end_own_consent(
        &self,
        caller: &Person,
        client: &ClientId,
        context: &CallContext,
    ) -> Result<(), EndConsentError> {
        let now = self.deps.clock.now();
        self.policy
            .require_recent_authentication(caller.authenticated_at, now)?;
        let subject = AuditSubject {
            client: Some(client.clone()),
            ..AuditSubject::caller(caller)
        };
        let events = [self
            .deps
            .audit
            .event(context, AuditKind::ConsentEnded, subject)];
        let reason = EndReason::EndedElsewhere;
        let store = &self.deps.store;
        let ended = store
            .end_consent(caller.subject, client, reason, now, &events)
            .await?;
        self.deps.audit.committed(ended, &events);
        self.deps.revocations.catch_up().await;
        if ended {
            Ok(())
        } else {
            Err(EndConsentError::NotFound)
        }
    }
}
