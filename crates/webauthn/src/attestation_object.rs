//! Attestation objects (WebAuthn §6.5).

use crate::{
    authenticator_data::{AuthenticatorData, InvalidAuthenticatorData},
    cbor::{InvalidCbor, Value},
};

/// Maximum length of an attestation statement format identifier, in bytes (WebAuthn §8.1).
const MAX_FORMAT: usize = 32;

/// Why an attestation object is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAttestationObject {
    /// It is not CBOR.
    #[error(transparent)]
    Cbor(#[from] InvalidCbor),
    /// It is not a map of `fmt`, `attStmt` and `authData`, each of its type.
    #[error("the attestation object does not consist of fmt, attStmt and authData")]
    Members,
    /// The format is `none`, but the statement is not empty (WebAuthn §8.7).
    #[error("the attestation statement of the format none is not empty")]
    StatementOfNone,
    /// The authenticator data cannot be read.
    #[error(transparent)]
    AuthenticatorData(#[from] InvalidAuthenticatorData),
}

/// An attestation object. The attestation statement is not evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestationObject {
    /// The attestation statement format identifier, such as `none` or `packed`.
    pub format: String,
    /// The authenticator data.
    pub authenticator_data: AuthenticatorData,
}

impl AttestationObject {
    /// Reads an attestation object.
    ///
    /// # Errors
    /// Any [`InvalidAttestationObject`].
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidAttestationObject> {
        use InvalidAttestationObject::{Members, StatementOfNone};
        let object = Value::parse(bytes)?;
        let get = |name| object.get(&Value::Text(name)).ok_or(Members);
        let format = get("fmt")?.as_text().ok_or(Members)?;
        let statement = get("attStmt")?;
        let authenticator_data = get("authData")?.as_bytes().ok_or(Members)?;
        // The statement of a compound attestation is an array (WebAuthn §8.9).
        let is_statement = matches!(statement, Value::Map(_) | Value::Array(_));
        if format.len() > MAX_FORMAT || !is_statement {
            return Err(Members);
        }
        if format == "none" && *statement != Value::Map(Vec::new()) {
            return Err(StatementOfNone);
        }
        Ok(Self {
            format: format.to_owned(),
            authenticator_data: AuthenticatorData::parse(authenticator_data)?,
        })
    }
}
