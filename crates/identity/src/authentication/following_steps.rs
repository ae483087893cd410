//! The steps that follow those that were made.

use crate::{
    account::Account,
    authentication::{
        AuthenticationService, Factor, Factors, NextStep, TotpSecret, TotpSetUp, VerifiedFactors,
        second_factor::Requirement,
    },
};

/// The steps that may follow, and the secret of one-time codes that one of them sets up.
pub(super) struct FollowingSteps {
    /// The steps of which one is to be made next.
    pub(super) steps: Vec<NextStep>,
    enrolment: Option<TotpSecret>,
}

impl FollowingSteps {
    /// The content of an attempt that goes on with these steps.
    pub(super) fn verified(&self, factors: Factors, account: &Account) -> VerifiedFactors {
        VerifiedFactors {
            user: account.user.id,
            version: account.authentication_version,
            factors,
            enrolment: self.enrolment.clone(),
        }
    }
}

impl AuthenticationService {
    /// The steps that have to follow these factors of an account; `None`: the authentication is complete.
    pub(super) fn next_steps(
        &self,
        account: &Account,
        factors: &Factors,
    ) -> Option<FollowingSteps> {
        match Requirement::after(factors, account, self.policy.second_factor) {
            Requirement::Nothing => None,
            Requirement::OneOf(factors) => Some(FollowingSteps {
                steps: factors.into_iter().map(step_of).collect(),
                enrolment: None,
            }),
            Requirement::Enrolment => {
                let set_up = self.totp_set_up(account);
                Some(FollowingSteps {
                    enrolment: Some(set_up.secret.clone()),
                    steps: vec![NextStep::EnrolTotp(set_up)],
                })
            }
        }
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

const fn step_of(factor: Factor) -> NextStep {
    match factor {
        Factor::Password => NextStep::Password,
        Factor::Totp => NextStep::Totp,
        Factor::RecoveryCode => NextStep::RecoveryCode,
    }
}
