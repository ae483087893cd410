//! What stands in the way of a form and its sender can mend or wait for, in words.

use std::time::Duration;

use axum::http::StatusCode;
use holdfast_client::{ErrorReason, auth::AuthError};

use crate::service_error::ServiceError;

/// Something for the form to say.
pub(super) struct FormError {
    /// Of the answer.
    pub(super) status: StatusCode,
    /// The words.
    pub(super) text: String,
    /// When to try again, where waiting helps.
    pub(super) retry_after: Option<Duration>,
}

impl FormError {
    /// Something that the person can mend.
    pub(super) fn mendable(text: impl Into<String>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            text: text.into(),
            retry_after: None,
        }
    }

    /// What auth-service says of a password; anything else is a failure.
    pub(super) fn of(error: AuthError) -> Result<Self, ServiceError> {
        match error {
            AuthError::Throttled { retry_after } => Ok(Self::throttled(retry_after)),
            AuthError::Refused(refusal) if refusal.reason == ErrorReason::PasswordRejected => {
                Ok(Self::mendable(sentence(&refusal.message)))
            }
            error if error.is_refused_as(ErrorReason::InvalidCredentials) => {
                Ok(Self::mendable("The current password is wrong."))
            }
            error => Err(error.into()),
        }
    }

    /// Too many passwords were wrong, or right.
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

/// `1 second`, `45 seconds`, `3 minutes`; never less than the truth.
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

/// auth-service's words begin small and have no full stop.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters
        .next()
        .map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_tell_them() {
        let told =
            [0, 1, 45, 89, 90, 121, 3600].map(|seconds| in_words(Duration::from_secs(seconds)));
        assert_eq!(
            told,
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
