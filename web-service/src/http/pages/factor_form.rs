//! The forms for a factor after the password, at sign-in and at reauthentication: what they show, and what they send.

use holdfast_client::{AuthenticationFactor, AuthenticationStep, NextSteps, TotpSetUp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::http::pages::{form_error::Presented, qr_code::QrCode};

/// The factors that the forms of a page offer.
#[derive(Default)]
pub(super) struct FactorForms {
    /// Whether there is a field for the password.
    pub(super) password: bool,
    /// Whether there is one for a one-time code.
    pub(super) totp: bool,
    /// Whether there is one for a recovery code.
    pub(super) recovery_code: bool,
    /// The options of a passkey for the script, in JSON.
    pub(super) passkey: Option<String>,
    /// One-time codes that are to be set up.
    pub(super) enrol_totp: Option<TotpSecretView>,
    /// The options of a passkey that is to be registered for the script, in JSON.
    pub(super) enrol_passkey: Option<String>,
    /// Days for which the browser can be trusted, if it can.
    pub(super) trust_days: Option<u64>,
}

/// The secret of one-time codes as the account's owner stores it in an app.
pub(super) struct TotpSecretView {
    /// In groups of four characters.
    pub(super) secret: String,
    /// The URI, for an app on this device.
    pub(super) uri: String,
    /// The same for the camera of another device.
    pub(super) qr_code: Option<QrCode>,
}

impl From<&TotpSetUp> for TotpSecretView {
    fn from(set_up: &TotpSetUp) -> Self {
        let letters: Vec<_> = set_up.secret.chars().collect();
        let groups: Vec<String> = letters
            .chunks(4)
            .map(|group| group.iter().collect())
            .collect();
        Self {
            secret: groups.join(" "),
            uri: set_up.uri.clone(),
            qr_code: QrCode::of(&set_up.uri),
        }
    }
}

impl FactorForms {
    /// The forms for the factors that may follow.
    pub(super) fn of(steps: &NextSteps) -> Self {
        let days = steps.trusted_browser_ttl.map(|ttl| ttl.as_secs() / 86_400);
        let mut forms = Self {
            trust_days: days,
            ..Self::default()
        };
        for factor in &steps.factors {
            match factor {
                AuthenticationFactor::Password => forms.password = true,
                AuthenticationFactor::Totp => forms.totp = true,
                AuthenticationFactor::RecoveryCode => forms.recovery_code = true,
                AuthenticationFactor::Passkey(options) => forms.passkey = Some(options.clone()),
                AuthenticationFactor::EnrolTotp(set_up) => forms.enrol_totp = Some(set_up.into()),
                AuthenticationFactor::EnrolPasskey(options) => {
                    forms.enrol_passkey = Some(options.clone());
                }
            }
        }
        forms
    }

    /// Without the code of an app where there is a passkey, which is stronger. A recovery code stays: it is what is left without the passkey.
    pub(super) fn with_strongest_only(self) -> Self {
        Self {
            totp: self.totp && self.passkey.is_none(),
            ..self
        }
    }

    /// Whether the page needs the script of passkeys.
    pub(super) const fn has_script(&self) -> bool {
        self.passkey.is_some() || self.enrol_passkey.is_some()
    }

    /// Whether a passkey is to be registered in place of lost ones: then there is no choice of another factor.
    pub(super) const fn is_replacement(&self) -> bool {
        self.enrol_passkey.is_some() && self.enrol_totp.is_none()
    }

    /// Whether a second factor is to be set up.
    pub(super) const fn is_enrolment(&self) -> bool {
        self.enrol_totp.is_some() || self.enrol_passkey.is_some()
    }
}

/// The factor that a form presents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum FactorKind {
    /// A one-time code.
    Totp,
    /// A recovery code.
    RecoveryCode,
    /// A passkey.
    Passkey,
    /// The first code of one-time codes that are set up.
    EnrolTotp,
    /// A passkey that is registered.
    EnrolPasskey,
}

/// The fields of the forms. `factor` says which one was sent.
#[derive(Default, Deserialize)]
pub(in crate::http) struct FactorFields {
    #[serde(default)]
    factor: Option<FactorKind>,
    #[serde(default)]
    code: SecretString,
    /// The response of the browser, in JSON.
    #[serde(default)]
    passkey: String,
}

impl FactorFields {
    /// The factor that was presented; `None` where the field is empty.
    pub(super) fn step(&self) -> Option<(FactorKind, AuthenticationStep<'_>)> {
        let kind = self.factor?;
        let code = Some(&self.code).filter(|code| !code.expose_secret().trim().is_empty());
        let passkey = Some(self.passkey.as_str()).filter(|passkey| !passkey.is_empty());
        let step = match kind {
            FactorKind::Totp => AuthenticationStep::Totp(code?),
            FactorKind::RecoveryCode => AuthenticationStep::RecoveryCode(code?),
            FactorKind::EnrolTotp => AuthenticationStep::EnrolTotp(code?),
            FactorKind::Passkey => AuthenticationStep::Passkey(passkey?),
            FactorKind::EnrolPasskey => AuthenticationStep::EnrolPasskey(passkey?),
        };
        Some((kind, step))
    }
}

impl FactorKind {
    /// What errors say of it.
    pub(super) const fn presented(self) -> Presented {
        match self {
            Self::Totp | Self::EnrolTotp => Presented::Totp,
            Self::RecoveryCode => Presented::RecoveryCode,
            Self::Passkey | Self::EnrolPasskey => Presented::Passkey,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_field_is_no_step() {
        let fields = |factor, code: &str, passkey: &str| FactorFields {
            factor,
            code: code.into(),
            passkey: passkey.to_owned(),
        };
        let kind = |fields: &FactorFields| fields.step().map(|(kind, _)| kind);
        for (factor, code, passkey) in [
            (None, "123456", "{}"),
            (Some(FactorKind::Totp), "", "{}"),
            (Some(FactorKind::RecoveryCode), " ", "{}"),
            (Some(FactorKind::Passkey), "123456", ""),
        ] {
            assert_eq!(kind(&fields(factor, code, passkey)), None, "{factor:?}");
        }
        for (factor, code, passkey) in [
            (FactorKind::EnrolTotp, "123 456", ""),
            (FactorKind::EnrolPasskey, "", "{}"),
        ] {
            assert_eq!(kind(&fields(Some(factor), code, passkey)), Some(factor));
        }
    }

    #[test]
    fn secret_is_shown_in_groups() {
        let view = TotpSecretView::from(&TotpSetUp {
            secret: "ABCDEFGHIJ".to_owned(),
            uri: "otpauth://totp/a".to_owned(),
        });
        assert_eq!(view.secret, "ABCD EFGH IJ");
        assert!(view.qr_code.is_some());
    }
}
