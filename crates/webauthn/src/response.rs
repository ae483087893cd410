//! Responses of browsers: `PublicKeyCredential.toJSON()` (WebAuthn §5.1). Parsed and bounded; nothing is verified here.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    bytes::{CredentialId, UserHandle},
    transports::Transports,
};

/// Maximum length of a response, in bytes.
const MAX_JSON: usize = 64 * 1024;

// Maximum lengths of its parts, in bytes.
const MAX_CLIENT_DATA: usize = 4 * 1024;
const MAX_ATTESTATION_OBJECT: usize = 16 * 1024;
const MAX_AUTHENTICATOR_DATA: usize = 2 * 1024;
const MAX_SIGNATURE: usize = 1024;

/// Why a response is refused before it is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResponse {
    /// It is longer than 64 KiB.
    #[error("the response is too long")]
    TooLong,
    /// It is not JSON with the members of such a response, or has a member twice.
    #[error("the response is not the JSON object that it should be")]
    Json,
    /// A member is not base64url without padding.
    #[error("{0} is not in base64url without padding")]
    Base64Url(&'static str),
    /// A member is empty, or too long.
    #[error("{0} is empty or too long")]
    Length(&'static str),
    /// `type` is not `public-key`.
    #[error("the credential is not a public key")]
    Type,
    /// `id` and `rawId` differ.
    #[error("id and rawId differ")]
    IdMismatch,
}

/// A response to [`CreationOptions`](crate::CreationOptions): `RegistrationResponseJSON`.
#[derive(Clone, Debug)]
pub struct RegistrationResponse {
    pub(crate) id: CredentialId,
    pub(crate) client_data: Vec<u8>,
    pub(crate) attestation_object: Vec<u8>,
    pub(crate) transports: Transports,
    pub(crate) discoverable: Option<bool>,
}

impl RegistrationResponse {
    /// Reads a response. What it repeats outside of the attestation object (`authenticatorData`, `publicKey`, `publicKeyAlgorithm`) is ignored.
    ///
    /// # Errors
    /// Any [`InvalidResponse`].
    pub fn from_json(json: &str) -> Result<Self, InvalidResponse> {
        let credential: PublicKeyCredential<AttestationResponse> = read(json)?;
        let (id, response) = credential.checked()?;
        let properties = credential.client_extension_results.cred_props.as_ref();
        Ok(Self {
            id,
            client_data: decode("clientDataJSON", &response.client_data, MAX_CLIENT_DATA)?,
            attestation_object: decode(
                "attestationObject",
                &response.attestation_object,
                MAX_ATTESTATION_OBJECT,
            )?,
            transports: response.transports.iter().cloned().collect(),
            discoverable: properties.and_then(|properties| properties.rk),
        })
    }

    /// The credential ID, as the browser claims.
    #[must_use]
    pub const fn credential_id(&self) -> &CredentialId {
        &self.id
    }
}

/// A response to [`RequestOptions`](crate::RequestOptions): `AuthenticationResponseJSON`.
#[derive(Clone, Debug)]
pub struct AuthenticationResponse {
    pub(crate) id: CredentialId,
    pub(crate) client_data: Vec<u8>,
    pub(crate) authenticator_data: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) user_handle: Option<UserHandle>,
}

impl AuthenticationResponse {
    /// Reads a response.
    ///
    /// # Errors
    /// Any [`InvalidResponse`].
    pub fn from_json(json: &str) -> Result<Self, InvalidResponse> {
        let credential: PublicKeyCredential<AssertionResponse> = read(json)?;
        let (id, response) = credential.checked()?;
        let user_handle = response
            .user_handle
            .as_deref()
            .map(user_handle)
            .transpose()?;
        Ok(Self {
            id,
            client_data: decode("clientDataJSON", &response.client_data, MAX_CLIENT_DATA)?,
            authenticator_data: decode(
                "authenticatorData",
                &response.authenticator_data,
                MAX_AUTHENTICATOR_DATA,
            )?,
            signature: decode("signature", &response.signature, MAX_SIGNATURE)?,
            user_handle,
        })
    }

    /// The credential ID, by which the credential is looked up.
    #[must_use]
    pub const fn credential_id(&self) -> &CredentialId {
        &self.id
    }

    /// The user handle, by which the account is looked up where it is not known yet. An authenticator may leave it out otherwise.
    #[must_use]
    pub const fn user_handle(&self) -> Option<&UserHandle> {
        self.user_handle.as_ref()
    }
}

fn read<T: DeserializeOwned>(json: &str) -> Result<T, InvalidResponse> {
    if json.len() > MAX_JSON {
        return Err(InvalidResponse::TooLong);
    }
    serde_json::from_str(json).map_err(|_| InvalidResponse::Json)
}

fn decode(name: &'static str, text: &str, max: usize) -> Result<Vec<u8>, InvalidResponse> {
    let bytes = URL_SAFE_NO_PAD.decode(text);
    let bytes = bytes.map_err(|_| InvalidResponse::Base64Url(name))?;
    if (1..=max).contains(&bytes.len()) {
        Ok(bytes)
    } else {
        Err(InvalidResponse::Length(name))
    }
}

fn user_handle(text: &str) -> Result<UserHandle, InvalidResponse> {
    const NAME: &str = "userHandle";
    let bytes = URL_SAFE_NO_PAD.decode(text);
    let bytes = bytes.map_err(|_| InvalidResponse::Base64Url(NAME))?;
    UserHandle::try_from(bytes.as_slice()).map_err(|_| InvalidResponse::Length(NAME))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PublicKeyCredential<R> {
    id: String,
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    response: R,
    #[serde(default)]
    client_extension_results: ExtensionResults,
}

impl<R> PublicKeyCredential<R> {
    fn checked(&self) -> Result<(CredentialId, &R), InvalidResponse> {
        if self.kind != "public-key" {
            return Err(InvalidResponse::Type);
        }
        if self.id != self.raw_id {
            return Err(InvalidResponse::IdMismatch);
        }
        let id = decode("rawId", &self.raw_id, CredentialId::MAX)?;
        let id = CredentialId::try_from(id.as_slice());
        let id = id.map_err(|_| InvalidResponse::Length("rawId"))?;
        Ok((id, &self.response))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttestationResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: String,
    // Browsers before Level 3 leave it out.
    #[serde(default)]
    transports: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssertionResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
    user_handle: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExtensionResults {
    cred_props: Option<CredentialProperties>,
}

/// WebAuthn §10.1.3.
#[derive(Deserialize)]
struct CredentialProperties {
    rk: Option<bool>,
}
