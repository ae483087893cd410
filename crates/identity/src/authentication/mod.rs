//! Authentication: sign-in, reauthentication, changes of credentials by their owner, and their rate limits.

mod attempt;
mod change_password;
mod code_counters;
mod factor;
mod following_steps;
mod keyed_hash;
mod known_location;
mod own_factors;
mod own_passkeys;
mod own_password;
mod passkey;
mod password_counters;
mod rate_limit;
mod reauthenticate;
mod recovery_code;
mod second_factor;
mod security_overview;
mod service;
mod sign_in;
mod sign_in_steps;
mod step_up;
mod totp;
mod trusted_browser;
mod verify_factor;
mod verify_passkey;
mod verify_password;
mod verify_recovery_code;

pub use holdfast_core::assurance_level::{AssuranceLevel, UnknownAssuranceLevel};

pub use self::{
    attempt::{
        ATTEMPT_TTL, Attempt, AttemptCodec, AttemptId, AttemptPurpose, AuthenticationState,
        AuthenticationStep, InvalidAttempt, NextStep, NextSteps, PasskeyRegistrationAttempt,
        ReauthenticationAttempt, SignInAttempt, TotpEnrolmentAttempt, TotpSetUp, VerifiedFactors,
    },
    change_password::{ChangePasswordError, PasswordChanged},
    factor::{Factor, Factors},
    keyed_hash::{KeyedHash, KeyedHasher},
    known_location::{KNOWN_LOCATION_TTL, KnownLocations, LocationTrust},
    own_factors::ChangeFactorError,
    own_passkeys::{InvalidPasskeyLabel, PasskeyLabel},
    passkey::{
        Challenge, MAX_PASSKEYS, NewPasskey, Passkey, PasskeyCeremonies, PasskeyRole,
        PresentedPasskey, VerifiedPasskey,
    },
    password_counters::PasswordCounters,
    rate_limit::{CountedIn, Counter, Limit, RateLimitCounters, Throttled},
    reauthenticate::{LatestAuthentication, ReauthenticateError, SufficientAuthentication},
    recovery_code::{InvalidRecoveryCode, RECOVERY_CODES, RecoveryCode},
    second_factor::SecondFactorPolicy,
    security_overview::{SecurityEvent, SecurityOverview},
    service::AuthenticationService,
    sign_in::{SignInError, SignedIn},
    sign_in_steps::{ContinueError, SignInOptions},
    step_up::StepUpRequired,
    totp::{InvalidTotpCode, TotpCode, TotpCodec, TotpSecret},
    trusted_browser::{
        BindTrustError, BrowserToken, InvalidBrowserToken, IssuedTrust, MAX_TRUSTED_BROWSERS,
        NewTrustedBrowser, PresentedTrust, TrustedBrowser,
    },
};
