//! Errors that are shown in a form: those that the person can correct or wait for.

use std::time::Duration;

use axum::{http::StatusCode, response::Response};
use holdfast_client::{AuthError, ErrorReason};

use crate::{http::pages::render::with_wait, service_error::ServiceError};

const OVERLOADED: &str =
    "Many people are signing in at this moment. Please try again in a few seconds.";
const UNAVAILABLE: &str = "Signing in is not possible right now: a part of this service does not answer. \
                    Your password was not checked. Please try again in a moment.";
const CODE_UNAVAILABLE: &str = "Signing in is not possible right now: a part of this service does not answer. \
                    Please try again in a moment, with the next code if this one is refused then.";

/// An error to show in a form.
pub(super) struct FormError {
    /// The status of the response.
    pub(super) status: StatusCode,
    /// The text for the person.
    pub(super) text: String,
    /// Time to the next attempt, where waiting helps.
    pub(super) retry_after: Option<Duration>,
}

/// What a form presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presented {
    /// The username and the password.
    UsernameAndPassword,
    /// The username and a recovery code in place of the password.
    UsernameAndRecoveryCode,
    /// The current password of the person who is signed in.
    Password,
    /// A one-time code.
    Totp,
    /// A recovery code.
    RecoveryCode,
    /// A passkey.
    Passkey,
}

impl Presented {
    /// The text for one that was refused.
    const fn refused(self) -> &'static str {
        match self {
            Self::UsernameAndPassword => "The username or the password is wrong. Please try again.",
            Self::UsernameAndRecoveryCode => {
                "The username or the recovery code is wrong, or the code was used before, or the account has a password. Please try again."
            }
            Self::Password => "The current password is wrong.",
            Self::Totp => {
                "The code is wrong, or was used before. Please wait for the next one in your app, and try again."
            }
            Self::RecoveryCode => {
                "The recovery code is wrong, or was used before. Please try another one."
            }
            Self::Passkey => {
                "This passkey was not accepted. Please try again, or choose another way."
            }
        }
    }

    /// What was counted, in the plural and in the singular.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::UsernameAndPassword | Self::Password => ("passwords", "password"),
            Self::Totp | Self::RecoveryCode | Self::UsernameAndRecoveryCode => ("codes", "code"),
            Self::Passkey => ("passkeys", "passkey"),
        }
    }

    const fn unavailable(self) -> &'static str {
        match self {
            Self::UsernameAndPassword | Self::Password => UNAVAILABLE,
            Self::Totp | Self::RecoveryCode | Self::UsernameAndRecoveryCode | Self::Passkey => {
                CODE_UNAVAILABLE
            }
        }
    }
}

impl FormError {
    /// The form with this error: `form` makes its page from the status and the text.
    pub(super) fn shown(
        self,
        form: impl FnOnce((StatusCode, Option<String>)) -> Response,
    ) -> Response {
        with_wait(form((self.status, Some(self.text))), self.retry_after)
    }

    /// An error that the person can correct.
    pub(super) fn correctable(text: impl Into<String>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            text: text.into(),
            retry_after: None,
        }
    }

    /// The error of a person who is signed in, for what auth-service refused, or does not verify now.
    ///
    /// # Errors
    /// Any other error is not one of the form.
    pub(super) fn of(error: AuthError, presented: Presented) -> Result<Self, ServiceError> {
        match error {
            AuthError::Throttled { retry_after } => Ok(Self::throttled(presented, retry_after)),
            AuthError::Refused(refusal) if refusal.reason == ErrorReason::PasswordRejected => {
                Ok(Self::correctable(sentence(&refusal.message)))
            }
            error if error.is_refused_as(ErrorReason::InvalidCredentials) => {
                Ok(Self::correctable(presented.refused()))
            }
            error => Err(error.into()),
        }
    }

    /// The error of a sign-in, which is shown in its form also while auth-service does not answer.
    ///
    /// # Errors
    /// Any other error is not one of the form.
    pub(super) fn of_sign_in(error: AuthError, presented: Presented) -> Result<Self, ServiceError> {
        match error {
            error if error.is_refused_as(ErrorReason::InvalidCredentials) => Ok(Self {
                status: StatusCode::UNAUTHORIZED,
                ..Self::correctable(presented.refused())
            }),
            AuthError::Unavailable {
                reason,
                retry_after,
            } => Ok(Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                text: if reason == ErrorReason::Overloaded {
                    OVERLOADED
                } else {
                    presented.unavailable()
                }
                .to_owned(),
                retry_after: Some(retry_after),
            }),
            error => Self::of(error, presented),
        }
    }

    /// Too many were tried (`THROTTLED`).
    fn throttled(presented: Presented, retry_after: Duration) -> Self {
        let (many, one) = presented.words();
        let wait = in_words(retry_after);
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            text: format!(
                "Too many {many} were tried. To keep the account safe, the next try is possible in {wait}. \
                 Your {one} was not checked this time."
            ),
            retry_after: Some(retry_after),
        }
    }
}

/// `1 second`, `45 seconds`, `3 minutes`; rounded up.
fn in_words(time: Duration) -> String {
    let seconds = time.as_millis().div_ceil(1000).max(1);
    let (number, unit) = if seconds < 90 {
        (seconds, "second")
    } else {
        (seconds.div_ceil(60), "minute")
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

/// A message of auth-service, which begins in lower case and has no full stop, as a sentence.
pub(super) fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    letters
        .next()
        .map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttled_code_is_not_called_a_password() {
        let retry_after = Duration::from_mins(1);
        let error = FormError::of(AuthError::Throttled { retry_after }, Presented::Totp);
        let text = error.map(|error| error.text).unwrap();
        assert!(text.starts_with("Too many codes were tried."), "{text}");
        assert!(
            text.ends_with("Your code was not checked this time."),
            "{text}"
        );
    }

    #[test]
    fn wait_is_rounded_up_to_seconds_or_minutes() {
        let texts =
            [0, 1, 45, 89, 90, 121, 3600].map(|seconds| in_words(Duration::from_secs(seconds)));
        assert_eq!(
            texts,
            [
                "1 second",
                "1 second",
                "45 seconds",
                "89 seconds",
                "2 minutes",
                "3 minutes",
                "60 minutes"
            ]
        );
    }
}
