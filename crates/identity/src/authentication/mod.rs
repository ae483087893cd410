//! Authentication: sign-in, reauthentication, password change, and their rate limits.

mod assurance_level;
mod attempt;
mod change_password;
mod factor;
mod keyed_hash;
mod known_location;
mod login_attempt_keys;
mod rate_limit;
mod reauthenticate;
mod service;
mod sign_in;
mod step_up;
mod steps;
mod verify_password;

pub use self::{
    assurance_level::{AssuranceLevel, UnknownAssuranceLevel},
    attempt::{
        ATTEMPT_TTL, Attempt, AttemptCodec, AttemptId, AttemptPurpose, AuthenticationState,
        AuthenticationStep, InvalidAttempt, NextSteps, ReauthenticationAttempt, SignInAttempt,
    },
    change_password::{ChangePasswordError, PasswordChanged},
    factor::{Factor, Factors},
    keyed_hash::{KeyedHash, KeyedHasher},
    known_location::{KNOWN_LOCATION_TTL, KnownLocations, LocationTrust},
    login_attempt_keys::LoginAttemptKeys,
    rate_limit::{AttemptCounters, Counter, Limit, Throttled},
    reauthenticate::{ReauthenticateError, SufficientAuthentication},
    service::AuthenticationService,
    sign_in::{SignInError, SignedIn},
    step_up::StepUpRequired,
    steps::ContinueError,
};
