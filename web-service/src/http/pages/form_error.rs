//! Errors that are shown in a form: those that the person can correct or wait for.

use std::time::Duration;

use axum::http::StatusCode;
use holdfast_client::{AuthError, ErrorReason};

use crate::service_error::ServiceError;

/// An error to show in a form.
pub(super) struct FormError {
    /// The status of the response.
    pub(super) status: StatusCode,
    /// The text for the person.
    pub(super) text: String,
    /// Time to the next attempt, where waiting helps.
    pub(super) retry_after: Option<Duration>,
}

impl FormError {
    /// An error that the person can correct.
    pub(super) fn correctable(text: impl Into<String>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            text: text.into(),
            retry_after: None,
        }
    }

    /// The error for a password that auth-service refused, or does not verify now.
    ///
    /// # Errors
    /// Any other error is not one of the form.
    pub(super) fn of(error: AuthError) -> Result<Self, ServiceError> {
        match error {
            AuthError::Throttled { retry_after } => Ok(Self::throttled(retry_after)),
            AuthError::Refused(refusal) if refusal.reason == ErrorReason::PasswordRejected => {
                Ok(Self::correctable(sentence(&refusal.message)))
            }
            error if error.is_refused_as(ErrorReason::InvalidCredentials) => {
                Ok(Self::correctable("The current password is wrong."))
            }
            error if error.is_refused_as(ErrorReason::AdditionalFactorRequired) => {
                Ok(Self::additional_factor())
            }
            error => Err(error.into()),
        }
    }

    /// The password is right and not enough, and these pages know no other factor (`ADDITIONAL_FACTOR_REQUIRED`).
    pub(super) fn additional_factor() -> Self {
        Self::correctable(
            "This account needs more than a password, and this page cannot ask for it. Please sign in with a program that can.",
        )
    }

    /// Too many passwords were tried (`THROTTLED`).
    pub(super) fn throttled(retry_after: Duration) -> Self {
        let text = format!(
            "Too many passwords were tried. To keep the account safe, the next try is possible in {}. \
             Your password was not checked this time.",
            in_words(retry_after)
        );
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            text,
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
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    letters
        .next()
        .map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use holdfast_client::{Refusal, RefusalKind};

    use super::*;

    #[test]
    fn further_factor_is_an_error_of_the_form() {
        let refusal = Refusal {
            kind: RefusalKind::Unauthenticated,
            reason: ErrorReason::AdditionalFactorRequired.into(),
            message: String::new(),
            dpop_nonce: None,
        };
        let error = FormError::of(AuthError::Refused(refusal));
        let status = error.map(|error| error.status).ok();
        assert_eq!(status, Some(StatusCode::UNPROCESSABLE_ENTITY));
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
