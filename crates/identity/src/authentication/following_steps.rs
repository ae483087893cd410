//! The steps that follow those that were made.

use crate::{
    account::{Account, CredentialKind},
    authentication::{
        AssuranceLevel, AuthenticationService, Challenge, Factors, NextStep, PasskeyRole,
        TotpSecret, TotpSetUp, VerifiedFactors, second_factor::Requirement,
    },
    error::StoreError,
};

/// The steps that may follow, and what their verification needs.
pub(super) struct FollowingSteps {
    /// The steps of which one is to be made next.
    pub(super) steps: Vec<NextStep>,
    enrolment: Option<TotpSecret>,
    challenge: Option<Challenge>,
}

impl FollowingSteps {
    /// The content of an attempt that goes on with these steps.
    pub(super) fn verified(&self, factors: Factors, account: &Account) -> VerifiedFactors {
        VerifiedFactors {
            user: account.user.id,
            version: account.authentication_version,
            factors,
            enrolment: self.enrolment.clone(),
            challenge: self.challenge.clone(),
        }
    }
}

impl AuthenticationService {
    /// The steps that have to follow these factors of an account; `None`: the authentication is complete. `min_level`: what the caller requires
    /// besides.
    pub(super) async fn next_steps(
        &self,
        account: &Account,
        factors: &Factors,
        min_level: Option<AssuranceLevel>,
    ) -> Result<Option<FollowingSteps>, StoreError> {
        let policy = self.policy.second_factor;
        match Requirement::after(factors, account, policy, min_level) {
            Requirement::Nothing => Ok(None),
            Requirement::OneOf(kinds) => self.steps_of(account, &kinds).await.map(Some),
            Requirement::Enrolment => Ok(Some(self.enrolment_steps(account))),
            Requirement::PasskeyReplacement => self.replacement_step(account).await.map(Some),
        }
    }

    async fn steps_of(
        &self,
        account: &Account,
        kinds: &[CredentialKind],
    ) -> Result<FollowingSteps, StoreError> {
        let mut following = FollowingSteps {
            steps: Vec::new(),
            enrolment: None,
            challenge: None,
        };
        for kind in kinds {
            match kind {
                CredentialKind::Password => following.steps.push(NextStep::Password),
                CredentialKind::Totp => following.steps.push(NextStep::Totp),
                CredentialKind::RecoveryCode => following.steps.push(NextStep::RecoveryCode),
                CredentialKind::Passkey => {
                    let role = PasskeyRole::AfterPassword;
                    let step = self.passkey_step(account, role).await?;
                    let (step, challenge) = step.unzip();
                    following.steps.extend(step);
                    following.challenge = challenge;
                }
            }
        }
        Ok(following)
    }

    /// The step of a passkey of this account, and its challenge; `None` where passkeys are not used.
    pub(super) async fn passkey_step(
        &self,
        account: &Account,
        role: PasskeyRole,
    ) -> Result<Option<(NextStep, Challenge)>, StoreError> {
        let Some(ceremonies) = self.deps.passkeys.as_deref() else {
            return Ok(None);
        };
        let allowed = self.deps.store.passkeys(account.user.id).await?;
        let challenge = Challenge::random(&*self.deps.random);
        let options = ceremonies.request_options(&challenge, role, &allowed);
        Ok(Some((NextStep::Passkey(options), challenge)))
    }

    fn enrolment_steps(&self, account: &Account) -> FollowingSteps {
        let set_up = self.totp_set_up(account);
        let challenge = Challenge::random(&*self.deps.random);
        let ceremonies = self.deps.passkeys.as_deref();
        let role = PasskeyRole::of_new(account);
        let options =
            ceremonies.map(|one| one.creation_options(&challenge, role, &account.user, &[]));
        FollowingSteps {
            enrolment: Some(set_up.secret.clone()),
            challenge: options.is_some().then_some(challenge),
            steps: options
                .map(NextStep::EnrolPasskey)
                .into_iter()
                .chain([NextStep::EnrolTotp(set_up)])
                .collect(),
        }
    }

    /// The registration of a passkey by the owner of an account without a password. It may be one more than an account has otherwise: those
    /// that were lost are removed after it.
    async fn replacement_step(&self, account: &Account) -> Result<FollowingSteps, StoreError> {
        let existing = self.deps.store.passkeys(account.user.id).await?;
        let challenge = Challenge::random(&*self.deps.random);
        let ceremonies = self.deps.passkeys.as_deref();
        let role = PasskeyRole::of_new(account);
        let options =
            ceremonies.map(|one| one.creation_options(&challenge, role, &account.user, &existing));
        Ok(FollowingSteps {
            enrolment: None,
            challenge: options.is_some().then_some(challenge),
            steps: options.map(NextStep::EnrolPasskey).into_iter().collect(),
        })
    }

    /// A new secret for an account.
    pub(super) fn totp_set_up(&self, account: &Account) -> TotpSetUp {
        let secret = TotpSecret::random(&*self.deps.random);
        let issuer = self.policy.issuer.as_str();
        let host = issuer.split_once("://").map_or(issuer, |(_, host)| host);
        TotpSetUp {
            uri: secret.uri(host, &account.user.username),
            secret,
        }
    }
}
