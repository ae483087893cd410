//! Authentication: sign-in, reauthentication, password change, and their rate limits.

mod assurance_level;
mod attempt;
mod change_password;
mod factor;
mod keyed_hash;
mod known_location;
mod password_counters;
mod rate_limit;
mod reauthenticate;
mod service;
mod sign_in;
mod sign_in_steps;
mod step_up;
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
    password_counters::PasswordCounters,
    rate_limit::{CountedIn, Counter, Limit, RateLimitCounters, Throttled},
    reauthenticate::{ReauthenticateError, SufficientAuthentication},
    service::AuthenticationService,
    sign_in::{SignInError, SignedIn},
    sign_in_steps::ContinueError,
    step_up::StepUpRequired,
};
