//! Authentication: sign-in, reauthentication, password change, and their rate limits.

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
    attempt::{ATTEMPT_TTL, Attempt, AttemptCodec, AttemptId, NextSteps},
    change_password::{ChangePasswordError, PasswordChanged},
    factor::Factor,
    keyed_hash::{KeyedHash, KeyedHasher},
    known_location::{KNOWN_LOCATION_TTL, KnownLocations, LocationTrust},
    login_attempt_keys::LoginAttemptKeys,
    rate_limit::{AttemptCounters, Counter, Limit, Throttled},
    reauthenticate::ReauthenticateError,
    service::AuthenticationService,
    sign_in::{LoginAttempt, SignInError, SignedIn},
    step_up::StepUpRequired,
    steps::{AuthenticationState, AuthenticationStep, ContinueError},
};
