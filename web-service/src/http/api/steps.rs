//! The steps of an authentication in JSON: what may follow, and what is presented next.

use std::fmt;

use holdfast_client::{AuthenticationFactor, AuthenticationStep, NextSteps, TotpSetUp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::time::{Rfc3339, rfc3339};

/// What may follow in an authentication.
#[derive(Serialize, ToSchema)]
#[schema(as = NextSteps, example = json!({"attempt": "hfa_…", "steps": [{"type": "totp"}, {"type": "recovery_code"}], "expires_at": "2027-01-01T12:10:00Z"}))]
pub(in crate::http) struct NextStepsResponse {
    /// The attempt, to be continued by the caller of this request. It is a secret.
    pub(super) attempt: String,
    /// The steps of which one is to be made next. A client ignores types that it does not know.
    pub(super) steps: Vec<NextStep>,
    /// Time from which on the attempt is refused.
    #[schema(value_type = String)]
    pub(super) expires_at: Rfc3339,
}

/// A step that may follow. `secret` is to be stored in an authenticator app, `uri` is the same for a QR code, and `options` are those of
/// WebAuthn Level 3, in its JSON form.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(example = json!({"type": "totp"}))]
pub(super) enum NextStep {
    Password,
    Totp,
    RecoveryCode,
    EnrolTotp {
        secret: String,
        uri: String,
    },
    Passkey {
        #[schema(value_type = Object)]
        options: Value,
    },
    EnrolPasskey {
        #[schema(value_type = Object)]
        options: Value,
    },
}

impl fmt::Debug for NextStepsResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NextStepsResponse(..)")
    }
}

impl From<NextSteps> for NextStepsResponse {
    fn from(steps: NextSteps) -> Self {
        Self {
            attempt: steps.attempt.expose_secret().to_owned(),
            steps: steps.factors.into_iter().map(NextStep::from).collect(),
            expires_at: rfc3339(steps.expires_at),
        }
    }
}

impl From<AuthenticationFactor> for NextStep {
    fn from(factor: AuthenticationFactor) -> Self {
        let json = |options: String| serde_json::from_str(&options).unwrap_or_default();
        match factor {
            AuthenticationFactor::Password => Self::Password,
            AuthenticationFactor::Totp => Self::Totp,
            AuthenticationFactor::RecoveryCode => Self::RecoveryCode,
            AuthenticationFactor::EnrolTotp(TotpSetUp { secret, uri }) => {
                Self::EnrolTotp { secret, uri }
            }
            AuthenticationFactor::Passkey(options) => Self::Passkey {
                options: json(options),
            },
            AuthenticationFactor::EnrolPasskey(options) => Self::EnrolPasskey {
                options: json(options),
            },
        }
    }
}

/// The body of a further step.
#[derive(Deserialize, ToSchema)]
#[schema(as = NextStepRequest, example = json!({"attempt": "hfa_…", "step": {"type": "totp", "code": "123456"}}))]
pub(in crate::http) struct Continuation {
    /// The attempt of the previous response.
    #[schema(value_type = String, format = Password)]
    pub(in crate::http) attempt: SecretString,
    pub(in crate::http) step: Step,
}

/// What is presented for one step. `response` is that of the browser, in the JSON form of WebAuthn Level 3.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = StepRequest, example = json!({"type": "totp", "code": "123456"}))]
pub(in crate::http) enum Step {
    Password {
        #[schema(value_type = String, format = Password)]
        password: SecretString,
    },
    Totp {
        #[schema(value_type = String)]
        code: SecretString,
    },
    RecoveryCode {
        #[schema(value_type = String)]
        code: SecretString,
    },
    EnrolTotp {
        #[schema(value_type = String)]
        code: SecretString,
    },
    Passkey {
        #[serde(deserialize_with = "json_text")]
        #[schema(value_type = Object)]
        response: String,
    },
    EnrolPasskey {
        #[serde(deserialize_with = "json_text")]
        #[schema(value_type = Object)]
        response: String,
    },
}

impl Step {
    /// The step as auth-service takes it.
    pub(in crate::http) fn as_step(&self) -> AuthenticationStep<'_> {
        match self {
            Self::Password { password } => AuthenticationStep::Password(password),
            Self::Totp { code } => AuthenticationStep::Totp(code),
            Self::RecoveryCode { code } => AuthenticationStep::RecoveryCode(code),
            Self::EnrolTotp { code } => AuthenticationStep::EnrolTotp(code),
            Self::Passkey { response } => AuthenticationStep::Passkey(response),
            Self::EnrolPasskey { response } => AuthenticationStep::EnrolPasskey(response),
        }
    }
}

/// An object of JSON as text.
pub(super) fn json_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let object = serde_json::Map::<String, Value>::deserialize(deserializer)?;
    Ok(Value::Object(object).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_is_read_by_its_type() {
        let read = |json: &str| serde_json::from_str::<Step>(json);
        let code = read(r#"{"type": "recovery_code", "code": "a"}"#).unwrap();
        assert!(matches!(
            code.as_step(),
            AuthenticationStep::RecoveryCode(_)
        ));
        let passkey = read(r#"{"type": "passkey", "response": {"id": "A", "type": "public-key"}}"#);
        let text = r#"{"id":"A","type":"public-key"}"#;
        let passkey = passkey.unwrap();
        assert!(
            matches!(passkey.as_step(), AuthenticationStep::Passkey(response) if response == text)
        );
        for malformed in [
            r#"{"code": "123456"}"#,
            r#"{"type": "iris", "code": "123456"}"#,
            r#"{"type": "totp"}"#,
            r#"{"type": "totp", "code": 123456}"#,
            r#"{"type": "passkey", "response": "{}"}"#,
        ] {
            assert!(read(malformed).is_err(), "{malformed}");
        }
    }
}
