//! Verification of an authentication (WebAuthn §7.2).

use aws_lc_rs::digest::{SHA256, digest};

use crate::{
    authenticator_data::{AuthenticatorData, AuthenticatorDataError},
    bytes::{Challenge, CredentialId, UserHandle},
    client_data::{ClientDataError, CollectedClientData},
    credential::StoredCredential,
    options::UserVerification,
    relying_party::RelyingParty,
    response::AuthenticationResponse,
};

/// What the caller kept of the options of an authentication.
#[derive(Clone, Copy, Debug)]
pub struct AuthenticationCeremony<'a> {
    /// The challenge, which is not accepted again.
    pub challenge: &'a Challenge,
    /// Whether user verification is required.
    pub user_verification: UserVerification,
    /// The credentials that were allowed; any if empty.
    pub allowed: &'a [CredentialId],
}

/// The account whose credential is verified, by its user handle.
#[derive(Clone, Copy, Debug)]
pub enum Account<'a> {
    /// It was known before the ceremony. The authenticator may leave the user handle out.
    Known(&'a UserHandle),
    /// It was found by the user handle or the credential ID of the response.
    Discovered(&'a UserHandle),
}

/// A verified authentication, with the new values of the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// Whether the authenticator verified its user.
    pub user_verified: bool,
    /// The signature counter to be stored.
    pub sign_count: u32,
    /// What the signature counter says. The caller decides whether the authentication fails (WebAuthn §6.1.1).
    pub counter: CounterState,
    /// The backup state to be stored.
    pub backed_up: bool,
    /// Whether the backup state is another one than before.
    pub backup_state_changed: bool,
}

/// What a signature counter says, compared with the stored one (WebAuthn §7.2 step 22).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterState {
    /// Both are zero: the authenticator has none.
    Unused,
    /// It has increased.
    Increased,
    /// It is less than the stored one, or equal to it: the authenticator may have been cloned.
    NotIncreased,
}

impl CounterState {
    const fn new(stored: u32, received: u32) -> Self {
        match (stored, received) {
            (0, 0) => Self::Unused,
            _ if received > stored => Self::Increased,
            _ => Self::NotIncreased,
        }
    }
}

/// Why an authentication is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// The credential is none of those that were allowed.
    #[error("the credential is none of those that were allowed")]
    NotAllowed,
    /// The response is one of another credential.
    #[error("the response is one of another credential")]
    OtherCredential,
    /// The response names no account, although none was known.
    #[error("the response has no user handle")]
    NoUserHandle,
    /// The response names another account.
    #[error("the response has the user handle of another account")]
    OtherAccount,
    /// The client data are invalid, or of another ceremony, challenge or origin.
    #[error(transparent)]
    ClientData(#[from] ClientDataError),
    /// The authenticator data cannot be read, or do not meet the requirements.
    #[error(transparent)]
    AuthenticatorData(#[from] AuthenticatorDataError),
    /// The authenticator data contain a new credential.
    #[error("the authenticator data contain a new credential")]
    UnexpectedCredential,
    /// Backup eligibility differs from that at the registration.
    #[error("the credential has another backup eligibility than at its registration")]
    BackupEligibilityChanged,
    /// The signature is not one of the credential.
    #[error("the signature is invalid")]
    Signature,
}

impl RelyingParty {
    /// Verifies the response to [`request_options`](Self::request_options) with the credential that the caller found by its ID among those of
    /// the account. Steps are those of WebAuthn §7.2.
    ///
    /// # Errors
    /// Any [`AuthenticationError`].
    pub fn verify_authentication(
        &self,
        ceremony: &AuthenticationCeremony<'_>,
        account: Account<'_>,
        credential: StoredCredential<'_>,
        response: &AuthenticationResponse,
    ) -> Result<Authentication, AuthenticationError> {
        // Step 5.
        if !ceremony.allowed.is_empty() && !ceremony.allowed.contains(&response.id) {
            return Err(AuthenticationError::NotAllowed);
        }
        // Step 6.
        if *credential.id != response.id {
            return Err(AuthenticationError::OtherCredential);
        }
        verify_account(account, response)?;
        // Steps 8 to 14.
        CollectedClientData::parse(&response.client_data)
            .map_err(ClientDataError::from)?
            .verify("webauthn.get", ceremony.challenge, self)?;
        // Steps 15 to 18.
        let data = AuthenticatorData::parse(&response.authenticator_data)
            .map_err(AuthenticatorDataError::from)?;
        data.verify(self, ceremony.user_verification)?;
        if data.attested_credential.is_some() {
            return Err(AuthenticationError::UnexpectedCredential);
        }
        // Step 19.
        if data.flags.backup_eligible() != credential.backup_eligible {
            return Err(AuthenticationError::BackupEligibilityChanged);
        }
        // Steps 20 and 21.
        let hash = digest(&SHA256, &response.client_data);
        let message = [response.authenticator_data.as_slice(), hash.as_ref()].concat();
        if !credential
            .public_key
            .verifies(&message, &response.signature)
        {
            return Err(AuthenticationError::Signature);
        }
        Ok(Authentication {
            user_verified: data.flags.user_verified(),
            sign_count: data.sign_count,
            // Step 22.
            counter: CounterState::new(credential.sign_count, data.sign_count),
            backed_up: data.flags.backed_up(),
            backup_state_changed: data.flags.backed_up() != credential.backed_up,
        })
    }
}

fn verify_account(
    account: Account<'_>,
    response: &AuthenticationResponse,
) -> Result<(), AuthenticationError> {
    let (Account::Known(handle) | Account::Discovered(handle)) = account;
    match (&response.user_handle, account) {
        (Some(received), _) if received != handle => Err(AuthenticationError::OtherAccount),
        (Some(_), _) | (None, Account::Known(_)) => Ok(()),
        (None, Account::Discovered(_)) => Err(AuthenticationError::NoUserHandle),
    }
}
