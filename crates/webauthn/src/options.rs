//! Options of the two ceremonies, in the JSON form that `PublicKeyCredential.parseCreationOptionsFromJSON()` and
//! `parseRequestOptionsFromJSON()` read (WebAuthn §5.1.8, §5.1.9).

use serde::Serialize;

use crate::{
    bytes::{Challenge, CredentialId, UserHandle},
    cose::Algorithm,
    relying_party::RelyingParty,
    transports::Transports,
};

/// Whether the authenticator verifies its user, by biometrics or a PIN (WebAuthn §5.8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UserVerification {
    /// It has to; a response without it is refused.
    Required,
    /// It should if it can.
    Preferred,
    /// It need not.
    Discouraged,
}

/// Whether the credential can be found without its ID, for a sign-in from an empty form (WebAuthn §5.4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ResidentKey {
    /// It has to.
    Required,
    /// It should if the authenticator has room for it.
    Preferred,
    /// It need not.
    Discouraged,
}

/// Which authenticator a browser should suggest first (WebAuthn §5.8.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hint {
    /// A security key.
    SecurityKey,
    /// The device itself.
    ClientDevice,
    /// A phone, by QR code.
    Hybrid,
}

/// What a registration asks for, and what its verification requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationPolicy {
    /// The algorithms of which the authenticator chooses one, the preferred one first.
    pub algorithms: Vec<Algorithm>,
    /// Whether the credential is to be discoverable. A browser may not tell, so that it is not verified.
    pub resident_key: ResidentKey,
    /// Whether the authenticator verifies its user.
    pub user_verification: UserVerification,
}

/// The account that a credential is made for (WebAuthn §5.4.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The user handle, by which the account is found at an authentication.
    pub id: UserHandle,
    /// The name that tells apart accounts of one person, such as the username.
    pub name: String,
    /// The name of the person; may be empty.
    pub display_name: String,
}

/// A credential that is allowed, or excluded because its authenticator is registered (WebAuthn §5.8.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CredentialDescriptor {
    #[serde(rename = "type")]
    kind: PublicKeyType,
    /// The credential ID.
    pub id: CredentialId,
    /// How its authenticator can be reached.
    #[serde(skip_serializing_if = "Transports::is_empty")]
    pub transports: Transports,
}

impl CredentialDescriptor {
    /// A credential and how its authenticator can be reached.
    #[must_use]
    pub const fn new(id: CredentialId, transports: Transports) -> Self {
        Self {
            kind: PublicKeyType::PublicKey,
            id,
            transports,
        }
    }
}

/// The one type of credentials (WebAuthn §5.8.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum PublicKeyType {
    #[serde(rename = "public-key")]
    PublicKey,
}

/// Options of a registration: `PublicKeyCredentialCreationOptionsJSON`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreationOptions {
    rp: Entity,
    /// The account.
    pub user: User,
    /// The challenge, which the caller keeps for the verification.
    pub challenge: Challenge,
    pub_key_cred_params: Vec<Parameters>,
    /// How long the browser waits, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u32>,
    /// The account's credentials, so that no authenticator is registered twice.
    pub exclude_credentials: Vec<CredentialDescriptor>,
    authenticator_selection: Selection,
    /// Which authenticators to suggest, the best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<Hint>,
    attestation: &'static str,
    extensions: Extensions,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Entity {
    id: String,
    name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Parameters {
    #[serde(rename = "type")]
    kind: PublicKeyType,
    alg: Algorithm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Selection {
    resident_key: ResidentKey,
    // Level 1 knows only this form (WebAuthn §5.4.4).
    require_resident_key: bool,
    user_verification: UserVerification,
}

/// Requested extensions: whether the new credential is discoverable (`credProps`, WebAuthn §10.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Extensions {
    cred_props: bool,
}

impl CreationOptions {
    /// Returns the JSON.
    ///
    /// # Panics
    /// Never: every member has a form in JSON.
    #[must_use]
    #[expect(clippy::expect_used, reason = "every member has a form in JSON")]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("JSON")
    }
}

/// Options of an authentication: `PublicKeyCredentialRequestOptionsJSON`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions {
    /// The challenge, which the caller keeps for the verification.
    pub challenge: Challenge,
    /// How long the browser waits, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u32>,
    rp_id: String,
    /// The credentials of which one is to be used; any discoverable one if empty.
    pub allow_credentials: Vec<CredentialDescriptor>,
    user_verification: UserVerification,
    /// Which authenticators to suggest, the best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<Hint>,
}

impl RequestOptions {
    /// Returns the JSON.
    ///
    /// # Panics
    /// Never: every member has a form in JSON.
    #[must_use]
    #[expect(clippy::expect_used, reason = "every member has a form in JSON")]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("JSON")
    }
}

impl RelyingParty {
    /// Options of a registration.
    #[must_use]
    pub fn creation_options(
        &self,
        challenge: Challenge,
        user: User,
        policy: &RegistrationPolicy,
    ) -> CreationOptions {
        let parameters = |alg: &Algorithm| Parameters {
            kind: PublicKeyType::PublicKey,
            alg: *alg,
        };
        CreationOptions {
            rp: Entity {
                id: self.id().to_owned(),
                name: self.name().to_owned(),
            },
            user,
            challenge,
            pub_key_cred_params: policy.algorithms.iter().map(parameters).collect(),
            timeout: None,
            exclude_credentials: Vec::new(),
            authenticator_selection: Selection {
                resident_key: policy.resident_key,
                require_resident_key: policy.resident_key == ResidentKey::Required,
                user_verification: policy.user_verification,
            },
            hints: Vec::new(),
            attestation: "none",
            extensions: Extensions { cred_props: true },
        }
    }

    /// Options of an authentication with one of `allow_credentials`, or with any discoverable credential if there are none.
    #[must_use]
    pub fn request_options(
        &self,
        challenge: Challenge,
        allow_credentials: Vec<CredentialDescriptor>,
        user_verification: UserVerification,
    ) -> RequestOptions {
        RequestOptions {
            challenge,
            timeout: None,
            rp_id: self.id().to_owned(),
            allow_credentials,
            user_verification,
            hints: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
