//! Signing in: password checks, rate limits, known locations, reauthentication.

mod change_password;
pub(crate) mod rate_limit;
mod reauthenticate;
mod sign_in;
mod verify_password;

pub(crate) use self::verify_password::PasswordCheckError;
pub use self::{
    change_password::{ChangePasswordError, Changed},
    rate_limit::{
        AttemptCounters, Counter, KNOWN_FOR, KeyedHash, KeyedHasher, KnownLocations, Limit,
        LocationTrust, LoginAttemptKeys, Throttled, introspections, refreshes, repeats,
        revocations,
    },
    reauthenticate::{ReauthenticateError, StepUpRequired},
    sign_in::{LoginAttempt, SignInError, SignedIn},
};
