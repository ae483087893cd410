//! Passkeys (WebAuthn Level 3): their types, and the port of their ceremonies.

use std::fmt;

use holdfast_core::random::Random;

use crate::{
    account::{Account, User},
    authentication::Factor,
    id::{CredentialId, UserId},
};

/// Maximum number of passkeys of an account.
pub const MAX_PASSKEYS: usize = 20;

/// The challenge of a ceremony: 256 random bits, which are sealed in the attempt.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge([u8; 32]);

impl Challenge {
    /// Creates a challenge.
    pub fn random(random: &dyn Random) -> Self {
        let mut challenge = [0; 32];
        random.fill(&mut challenge);
        Self(challenge)
    }

    /// Returns the challenge with these bytes; `None` unless they are 32.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Returns the bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Challenge(..)")
    }
}

/// A passkey as the store has it, with what its verification needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// Its identifier.
    pub id: CredentialId,
    /// The account that it belongs to.
    pub user: UserId,
    /// The credential ID that its authenticator chose, unique among all accounts.
    pub credential_id: Vec<u8>,
    /// The public key, a `COSE_Key`.
    pub public_key: Vec<u8>,
    /// The signature counter of its latest use.
    pub sign_count: u32,
    /// Whether its authenticator verified its user at the registration.
    pub user_verified: bool,
    /// Whether it can be found without its credential ID, as the browser claimed; `None` if it did not say.
    pub discoverable: Option<bool>,
    /// Whether it may be copied to other devices.
    pub backup_eligible: bool,
    /// Whether it was backed up at its latest use.
    pub backed_up: bool,
    /// How a browser can reach its authenticator (WebAuthn §5.8.4).
    pub transports: Vec<String>,
}

impl Passkey {
    /// Whether it can be the only factor of a sign-in from an empty form.
    #[must_use]
    pub fn signs_in_alone(&self) -> bool {
        self.user_verified && self.discoverable != Some(false)
    }

    /// The factor that it proves.
    #[must_use]
    pub const fn factor(&self) -> Factor {
        if self.backup_eligible {
            Factor::SyncedPasskey
        } else {
            Factor::DevicePasskey
        }
    }
}

/// A passkey whose registration was verified, with everything that another implementation would need to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPasskey {
    /// The credential ID that its authenticator chose.
    pub credential_id: Vec<u8>,
    /// The public key, a `COSE_Key`.
    pub public_key: Vec<u8>,
    /// The signature counter.
    pub sign_count: u32,
    /// Whether the authenticator verified its user.
    pub user_verified: bool,
    /// Whether it can be found without its credential ID, as the browser claims; `None` if it does not say.
    pub discoverable: Option<bool>,
    /// Whether it may be copied to other devices.
    pub backup_eligible: bool,
    /// Whether it is backed up.
    pub backed_up: bool,
    /// How a browser can reach its authenticator.
    pub transports: Vec<String>,
    /// The model of the authenticator, as it claims.
    pub aaguid: [u8; 16],
    /// The attestation object, as it was received.
    pub attestation_object: Vec<u8>,
}

impl NewPasskey {
    /// The factor that it proves.
    #[must_use]
    pub const fn factor(&self) -> Factor {
        if self.backup_eligible {
            Factor::SyncedPasskey
        } else {
            Factor::DevicePasskey
        }
    }
}

/// A response of a browser that was read, and not verified.
#[derive(Clone, Debug)]
pub struct PresentedPasskey {
    /// The credential ID, by which the passkey is found.
    pub credential_id: Vec<u8>,
    /// The response: `AuthenticationResponseJSON`.
    pub response: String,
}

/// What a verified response says of the passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedPasskey {
    /// The signature counter.
    pub sign_count: u32,
    /// Whether the counter is used and has not increased.
    pub is_counter_stale: bool,
    /// Whether it is backed up.
    pub backed_up: bool,
}

/// What a passkey is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyRole {
    /// The only factor of a sign-in from an empty form, whose authenticator must verify its user and name the account.
    FromEmptyForm,
    /// The only factor for an account that is known, whose authenticator must verify its user.
    Alone,
    /// A factor after the password.
    AfterPassword,
}

impl PasskeyRole {
    /// What a passkey that is added to this account has to be good for.
    #[must_use]
    pub const fn of_new(account: &Account) -> Self {
        if account.is_passwordless() {
            Self::FromEmptyForm
        } else {
            Self::AfterPassword
        }
    }
}

/// The ceremonies of WebAuthn.
pub trait PasskeyCeremonies: Send + Sync {
    /// Returns the options of a registration: `PublicKeyCredentialCreationOptionsJSON`. `role` is what the passkey has to be good for.
    /// `existing` are the passkeys of the account, so that no authenticator is registered twice.
    fn creation_options(
        &self,
        challenge: &Challenge,
        role: PasskeyRole,
        user: &User,
        existing: &[Passkey],
    ) -> String;

    /// Returns the options of an authentication: `PublicKeyCredentialRequestOptionsJSON`; with any passkey if none is allowed.
    fn request_options(
        &self,
        challenge: &Challenge,
        role: PasskeyRole,
        allowed: &[Passkey],
    ) -> String;

    /// Verifies the response to a registration for this role, `RegistrationResponseJSON`; `None` if it is refused.
    fn verify_registration(
        &self,
        challenge: &Challenge,
        role: PasskeyRole,
        response: &str,
    ) -> Option<NewPasskey>;

    /// Reads a response to an authentication; `None` if it has not the form of one.
    fn read_response(&self, response: String) -> Option<PresentedPasskey>;

    /// Verifies a response by the passkey that it names; `None` if it is refused.
    fn verify_response(
        &self,
        challenge: &Challenge,
        role: PasskeyRole,
        passkey: &Passkey,
        presented: &PresentedPasskey,
    ) -> Option<VerifiedPasskey>;
}
