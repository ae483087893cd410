//! End of a grant by the account's owner.

use crate::{
    authentication::StepUpRequired,
    call_context::CallContext,
    error::{Fault, StoreError, fault_from},
    id::GrantId,
    login::{EndLoginError, EndReason, LoginService},
    token::Person,
};

/// Why a grant was not ended.
#[derive(Debug, thiserror::Error)]
pub enum EndGrantError {
    /// The account has no such grant that has not ended. A grant of another account is not distinguished from none.
    #[error("there is no such grant")]
    NotFound,
    /// The caller must reauthenticate first.
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(EndGrantError: StoreError);

impl From<EndLoginError> for EndGrantError {
    fn from(error: EndLoginError) -> Self {
        match error {
            EndLoginError::NotFound => Self::NotFound,
            EndLoginError::StepUpRequired(error) => Self::StepUpRequired(error),
            EndLoginError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl LoginService {
    /// Ends a grant of one of the caller's logins, and revokes its tokens. The end of the grant that a login began with is the end of
    /// the login. Requires a recent authentication, unless it ends the caller's own login.
    pub async fn end_own_grant(
        &self,
        caller: &Person,
        id: GrantId,
        context: &CallContext,
    ) -> Result<(), EndGrantError> {
        let found = self.deps.store.grant(id).await?;
        let found = found.filter(|(_, _, user)| user.id == caller.subject);
        let (grant, _, user) = found.ok_or(EndGrantError::NotFound)?;
        if grant.is_first() {
            return Ok(self.end_own_login(caller, grant.sid, context).await?);
        }
        self.policy
            .require_recent_authentication(caller.authenticated_at, self.deps.clock.now())?;
        let reason = EndReason::EndedElsewhere;
        if self
            .deps
            .end_grant(user.id, &grant, reason, context)
            .await?
        {
            Ok(())
        } else {
            Err(EndGrantError::NotFound)
        }
    }
}
