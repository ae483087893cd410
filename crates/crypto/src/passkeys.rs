//! Ceremonies of passkeys, by `holdfast-webauthn`.

use holdfast_identity::{
    account::User,
    authentication::{
        Challenge, NewPasskey, Passkey, PasskeyCeremonies, PasskeyRole, PresentedPasskey,
        VerifiedPasskey,
    },
};
use holdfast_webauthn::{
    self as webauthn, Account, Algorithm, AuthenticationCeremony, AuthenticationResponse,
    CounterState, CredentialDescriptor, PublicKey, RegistrationPolicy, RegistrationResponse,
    RelyingParty, ResidentKey, StoredCredential, UserHandle, UserVerification,
};

/// The ceremonies of a relying party.
pub struct WebauthnCeremonies(RelyingParty);

impl WebauthnCeremonies {
    /// Of this relying party.
    #[must_use]
    pub const fn new(relying_party: RelyingParty) -> Self {
        Self(relying_party)
    }
}

impl PasskeyCeremonies for WebauthnCeremonies {
    fn creation_options(
        &self,
        challenge: &Challenge,
        role: PasskeyRole,
        user: &User,
        existing: &[Passkey],
    ) -> String {
        // An identifier has the length of a user handle.
        let Ok(id) = UserHandle::try_from(user.id.as_bytes().as_slice()) else {
            return String::new();
        };
        let user = webauthn::User {
            id,
            name: user.username.to_string(),
            display_name: user.username.to_string(),
        };
        let challenge = webauthn::Challenge::new(*challenge.as_bytes());
        let mut options = self.0.creation_options(challenge, user, &policy(role));
        options.exclude_credentials = descriptors(existing);
        options.to_json()
    }

    fn request_options(
        &self,
        challenge: &Challenge,
        role: PasskeyRole,
        allowed: &[Passkey],
    ) -> String {
        let challenge = webauthn::Challenge::new(*challenge.as_bytes());
        let verification = user_verification(role);
        let options = self
            .0
            .request_options(challenge, descriptors(allowed), verification);
        options.to_json()
    }

    fn verify_registration(
        &self,
        challenge: &Challenge,
        role: PasskeyRole,
        response: &str,
    ) -> Option<NewPasskey> {
        let response = RegistrationResponse::from_json(response).ok()?;
        let challenge = webauthn::Challenge::new(*challenge.as_bytes());
        let registration = self
            .0
            .verify_registration(&challenge, &policy(role), response);
        let registration = registration.ok()?;
        // Verification of the user is required by the policy.
        if role == PasskeyRole::FromEmptyForm && registration.discoverable == Some(false) {
            return None;
        }
        let credential = registration.credential;
        Some(NewPasskey {
            credential_id: credential.id.as_bytes().to_vec(),
            public_key: credential.public_key.as_cose().to_vec(),
            sign_count: credential.sign_count,
            user_verified: credential.user_verified,
            discoverable: registration.discoverable,
            backup_eligible: credential.backup_eligible,
            backed_up: credential.backed_up,
            transports: credential.transports.iter().map(str::to_owned).collect(),
            aaguid: credential.aaguid.0,
            attestation_object: credential.attestation_object,
        })
    }

    fn read_response(&self, response: String) -> Option<PresentedPasskey> {
        let read = AuthenticationResponse::from_json(&response).ok()?;
        Some(PresentedPasskey {
            credential_id: read.credential_id().as_bytes().to_vec(),
            response,
        })
    }

    fn verify_response(
        &self,
        challenge: &Challenge,
        role: PasskeyRole,
        passkey: &Passkey,
        presented: &PresentedPasskey,
    ) -> Option<VerifiedPasskey> {
        let response = AuthenticationResponse::from_json(&presented.response).ok()?;
        let ceremony = AuthenticationCeremony {
            challenge: &webauthn::Challenge::new(*challenge.as_bytes()),
            user_verification: user_verification(role),
            // The caller found the passkey by its credential ID among those of the account.
            allowed: &[],
        };
        let handle = UserHandle::try_from(passkey.user.as_bytes().as_slice()).ok()?;
        let account = match role {
            PasskeyRole::FromEmptyForm => Account::Discovered(&handle),
            PasskeyRole::Alone | PasskeyRole::AfterPassword => Account::Known(&handle),
        };
        let id = webauthn::CredentialId::try_from(passkey.credential_id.as_slice()).ok()?;
        let credential = StoredCredential {
            id: &id,
            public_key: &PublicKey::from_cose(&passkey.public_key).ok()?,
            sign_count: passkey.sign_count,
            backup_eligible: passkey.backup_eligible,
            backed_up: passkey.backed_up,
        };
        let verified = self
            .0
            .verify_authentication(&ceremony, account, credential, &response)
            .ok()?;
        Some(VerifiedPasskey {
            sign_count: verified.sign_count,
            is_counter_stale: verified.counter == CounterState::NotIncreased,
            backed_up: verified.backed_up,
        })
    }
}

/// A passkey is discoverable and verifies its user where the authenticator can: it is to replace the password. Where there is none, it must.
fn policy(role: PasskeyRole) -> RegistrationPolicy {
    RegistrationPolicy {
        algorithms: Algorithm::ALL.to_vec(),
        resident_key: match role {
            PasskeyRole::FromEmptyForm => ResidentKey::Required,
            PasskeyRole::Alone | PasskeyRole::AfterPassword => ResidentKey::Preferred,
        },
        user_verification: user_verification(role),
    }
}

const fn user_verification(role: PasskeyRole) -> UserVerification {
    match role {
        PasskeyRole::FromEmptyForm | PasskeyRole::Alone => UserVerification::Required,
        PasskeyRole::AfterPassword => UserVerification::Preferred,
    }
}

fn descriptors(passkeys: &[Passkey]) -> Vec<CredentialDescriptor> {
    let descriptor = |passkey: &Passkey| {
        let id = webauthn::CredentialId::try_from(passkey.credential_id.as_slice()).ok()?;
        let transports = passkey.transports.iter().cloned().collect();
        Some(CredentialDescriptor::new(id, transports))
    };
    passkeys.iter().filter_map(descriptor).collect()
}
