//! Authentication attempts: the state between the steps of a sign-in or a reauthentication.

use std::{fmt, time::Duration};

use holdfast_core::random::Random;
use time::OffsetDateTime;

use crate::{
    account::{AuthenticationVersion, Password},
    authentication::{
        AssuranceLevel, AuthenticationService, Challenge, Factors, KeyedHash, KeyedHasher,
        RecoveryCode, TotpCode, TotpSecret,
    },
    id::{Sid, UserId},
    login::SignInForm,
};

/// Time for which an attempt can be continued: ten minutes, or as long as a login lasts, if that is shorter.
pub const ATTEMPT_TTL: Duration = Duration::from_mins(10);

/// An authentication that has begun. It is not stored: the caller keeps it, sealed, so that a start costs no write and no memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What its completion does.
    pub purpose: AttemptPurpose,
    /// Time from which on it is refused, UTC, in whole seconds.
    pub expires_at: OffsetDateTime,
}

/// What the completion of an attempt does, and what makes it complete once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptPurpose {
    /// Starts a login.
    SignIn(SignInAttempt),
    /// Updates the time of the latest authentication of a login.
    Reauthentication(ReauthenticationAttempt),
    /// Adds one-time codes to the account of a login.
    TotpEnrolment(TotpEnrolmentAttempt),
    /// Adds a passkey to the account of a login.
    PasskeyRegistration(PasskeyRegistrationAttempt),
}

impl AttemptPurpose {
    /// Whether it is the sign-in of a browser whose password was verified.
    const fn is_second_step_of_form(&self) -> bool {
        match self {
            Self::SignIn(attempt) => attempt.form.is_some() && attempt.verified.is_some(),
            Self::Reauthentication(_) | Self::TotpEnrolment(_) | Self::PasskeyRegistration(_) => {
                false
            }
        }
    }
}

/// A sign-in that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInAttempt {
    /// Its identifier, from which that of its login is derived: the store starts one login for it.
    pub id: AttemptId,
    /// The username as it was typed; whether an account has it is found out at the step that needs it.
    pub username: String,
    /// The browser's form with which it began, which must continue it; `None` where a program began it.
    pub form: Option<SignInForm>,
    /// The challenge of a passkey in place of the password; `None` where passkeys are not used.
    pub challenge: Option<Challenge>,
    /// The factors that were verified so far; `None` before the first one.
    pub verified: Option<VerifiedFactors>,
}

/// A reauthentication that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReauthenticationAttempt {
    /// The login that is reauthenticated, which must be that of the caller.
    pub sid: Sid,
    /// Time of its latest authentication when the attempt began, UTC, in milliseconds. The attempt is completed only while it is the same.
    pub authenticated_at: OffsetDateTime,
    /// Required strength; `None` for any that the account allows.
    pub min_level: Option<AssuranceLevel>,
    /// The challenge of a passkey in place of the password; `None` where the account has none.
    pub challenge: Option<Challenge>,
    /// The factors that were verified so far; `None` before the first one.
    pub verified: Option<VerifiedFactors>,
}

/// The factors that were verified in an attempt, and of whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedFactors {
    /// The account, which no later step can change.
    pub user: UserId,
    /// The version of its credentials. Another step counts only while it is the same.
    pub version: AuthenticationVersion,
    /// The factors.
    pub factors: Factors,
    /// The secret of one-time codes that are to be set up in this attempt, as the account must have a second factor and has none.
    pub enrolment: Option<TotpSecret>,
    /// The challenge of the passkey that may follow, or is to be registered.
    pub challenge: Option<Challenge>,
}

/// A passkey that the account's owner has begun to register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyRegistrationAttempt {
    /// The login in which it began, which must be that of the caller.
    pub sid: Sid,
    /// The version of the account's credentials when it began. It is completed only while that is the same, and so only once.
    pub version: AuthenticationVersion,
    /// The challenge.
    pub challenge: Challenge,
}

/// One-time codes that the account's owner has begun to set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotpEnrolmentAttempt {
    /// The login in which it began, which must be that of the caller.
    pub sid: Sid,
    /// The version of the account's credentials when it began. It is completed only while that is the same.
    pub version: AuthenticationVersion,
    /// The secret.
    pub secret: TotpSecret,
}

/// The identifier of a sign-in attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptId(pub [u8; 16]);

impl AttemptId {
    /// Creates an identifier of 128 random bits.
    pub fn random(random: &dyn Random) -> Self {
        let mut id = [0; 16];
        random.fill(&mut id);
        Self(id)
    }

    /// Derives the identifier of the login that `user` completes this attempt by, the same on all instances: the primary key of logins makes
    /// the attempt complete once (ADR 34).
    #[must_use]
    pub fn sid(&self, keyed_hasher: &dyn KeyedHasher, user: UserId) -> Sid {
        let KeyedHash(hash) = keyed_hasher.hash(&[b"attempt", user.as_bytes(), &self.0]);
        Sid::from_random_bytes(hash)
    }
}

/// Seals attempts for their caller, and opens them.
pub trait AttemptCodec: Send + Sync {
    /// Returns the sealed text (`hfa_…`) of an attempt.
    fn seal(&self, attempt: &Attempt) -> String;

    /// Returns the attempt of a text; `None` if this issuer did not seal it.
    fn open(&self, text: &str) -> Option<Attempt>;
}

/// What is presented for one factor.
#[derive(Debug)]
pub enum AuthenticationStep {
    /// The account's password.
    Password(Password),
    /// A time-based one-time password.
    Totp(TotpCode),
    /// A recovery code.
    RecoveryCode(RecoveryCode),
    /// The first code of one-time codes that are set up in this attempt.
    EnrolTotp(TotpCode),
    /// A passkey: the response of the browser, `AuthenticationResponseJSON`.
    Passkey(String),
    /// A passkey that is registered in this attempt: the response of the browser, `RegistrationResponseJSON`.
    EnrolPasskey(String),
}

/// The state of an authentication after a step.
#[derive(Debug)]
pub enum AuthenticationState<T> {
    /// Every required factor was verified.
    Done(T),
    /// A further step is required.
    Next(NextSteps),
}

/// A step that may follow in an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// The account's password.
    Password,
    /// A time-based one-time password.
    Totp,
    /// A recovery code.
    RecoveryCode,
    /// The set-up of one-time codes, which the account must have: the first code.
    EnrolTotp(TotpSetUp),
    /// A passkey, with the options for the browser: `PublicKeyCredentialRequestOptionsJSON`.
    Passkey(String),
    /// The registration of a passkey, which the account must have, with the options for the browser:
    /// `PublicKeyCredentialCreationOptionsJSON`.
    EnrolPasskey(String),
}

/// What the owner stores in an authenticator app.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSetUp {
    /// The secret.
    pub secret: TotpSecret,
    /// The URI of a QR code, which contains the secret.
    pub uri: String,
}

impl fmt::Debug for TotpSetUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSetUp(..)")
    }
}

/// What may follow in an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextSteps {
    /// The sealed attempt.
    pub attempt: String,
    /// The steps of which one is to be made next.
    pub steps: Vec<NextStep>,
    /// Time from which on the attempt is refused, UTC.
    pub expires_at: OffsetDateTime,
    /// Time for which the browser can be trusted, if one of the steps completes its sign-in; `None` where it cannot.
    pub trusted_browser_ttl: Option<Duration>,
}

/// The attempt cannot be continued: it is none of this issuer, has expired, was completed before, or belongs to another caller or purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the attempt is invalid, or has expired; start again")]
pub struct InvalidAttempt;

impl AuthenticationService {
    /// Seals a new attempt.
    pub(super) fn begin(&self, purpose: AttemptPurpose, steps: Vec<NextStep>) -> NextSteps {
        // The row of its login, which tells that it was completed, is kept as long as a login lasts.
        let ttl = ATTEMPT_TTL.min(self.policy.login_ttl);
        let attempt = Attempt {
            purpose,
            expires_at: self.deps.clock.now().truncate_to_second() + ttl,
        };
        self.next(&attempt, steps)
    }

    /// Seals an attempt that is continued with one of these steps.
    pub(super) fn next(&self, attempt: &Attempt, steps: Vec<NextStep>) -> NextSteps {
        let ttl = self.policy.trusted_browser_ttl;
        let may_be_trusted = attempt.purpose.is_second_step_of_form() && !ttl.is_zero();
        NextSteps {
            attempt: self.deps.attempts.seal(attempt),
            steps,
            expires_at: attempt.expires_at,
            trusted_browser_ttl: may_be_trusted.then_some(ttl),
        }
    }

    /// Opens an attempt that has not expired.
    pub(super) fn open_attempt(&self, text: &str) -> Result<Attempt, InvalidAttempt> {
        let attempt = self.deps.attempts.open(text).ok_or(InvalidAttempt)?;
        let remaining = attempt.expires_at - self.deps.clock.now();
        // One that was sealed while the clock was ahead would be valid for too long.
        if remaining.is_positive() && remaining <= ATTEMPT_TTL {
            Ok(attempt)
        } else {
            Err(InvalidAttempt)
        }
    }
}
