//! Authenticator data (WebAuthn §6.1).

use std::fmt;

use crate::{
    bytes::CredentialId,
    cbor::{InvalidCbor, Value},
    cose::{InvalidPublicKey, PublicKey},
    options::UserVerification,
    relying_party::RelyingParty,
};

/// Length of what is always there: RP ID hash, flags, signature counter.
const FIXED: usize = 37;

/// The bits of the flags' byte (WebAuthn §6.1). Reserved bits are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// UP: a person confirmed the use.
    #[must_use]
    pub const fn user_present(self) -> bool {
        self.0 & 0x01 != 0
    }

    /// UV: the authenticator verified the person, by biometrics or a PIN.
    #[must_use]
    pub const fn user_verified(self) -> bool {
        self.0 & 0x04 != 0
    }

    /// BE: the credential may be copied to other devices.
    #[must_use]
    pub const fn backup_eligible(self) -> bool {
        self.0 & 0x08 != 0
    }

    /// BS: the credential is backed up.
    #[must_use]
    pub const fn backed_up(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// AT: attested credential data follow.
    #[must_use]
    pub const fn has_attested_credential(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// ED: extension outputs follow.
    #[must_use]
    pub const fn has_extensions(self) -> bool {
        self.0 & 0x80 != 0
    }
}

/// The model of an authenticator, as it claims; zero if it names none (WebAuthn §6.5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Aaguid(pub [u8; 16]);

impl fmt::Display for Aaguid {
    /// Writes the form of a UUID (RFC 9562 §4).
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                formatter.write_str("-")?;
            }
            write!(formatter, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// Attested credential data: the new credential of a registration (WebAuthn §6.5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestedCredential {
    /// The model of the authenticator, as it claims.
    pub aaguid: Aaguid,
    /// The credential ID.
    pub id: CredentialId,
    /// The credential public key.
    pub public_key: PublicKey,
}

/// Why authenticator data cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAuthenticatorData {
    /// They end too early.
    #[error("the authenticator data are truncated")]
    Truncated,
    /// The credential ID has fewer than 16 or more than 1023 bytes.
    #[error("the credential ID has fewer than 16 or more than 1023 bytes")]
    CredentialIdLength,
    /// The credential public key is invalid.
    #[error(transparent)]
    PublicKey(#[from] InvalidPublicKey),
    /// The extension outputs are not a map in CBOR.
    #[error("the extension outputs are invalid")]
    Extensions,
    /// Bytes follow that no flag announces.
    #[error("bytes follow the authenticator data")]
    TrailingBytes,
}

/// Authenticator data. Extension outputs are checked for their form and ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticatorData {
    /// SHA-256 of the RP ID.
    pub rp_id_hash: [u8; 32],
    /// The flags.
    pub flags: Flags,
    /// The signature counter; zero if the authenticator has none.
    pub sign_count: u32,
    /// The new credential, in a registration.
    pub attested_credential: Option<AttestedCredential>,
}

impl AuthenticatorData {
    /// Reads authenticator data.
    ///
    /// # Errors
    /// Any [`InvalidAuthenticatorData`].
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidAuthenticatorData> {
        let (fixed, mut rest) = bytes
            .split_first_chunk::<FIXED>()
            .ok_or(InvalidAuthenticatorData::Truncated)?;
        let [rp_id_hash @ .., flags, a, b, c, d] = *fixed;
        let flags = Flags(flags);
        let attested_credential = if flags.has_attested_credential() {
            Some(attested_credential(&mut rest)?)
        } else {
            None
        };
        if flags.has_extensions() {
            skip_extensions(&mut rest)?;
        }
        if !rest.is_empty() {
            return Err(InvalidAuthenticatorData::TrailingBytes);
        }
        Ok(Self {
            rp_id_hash,
            flags,
            sign_count: u32::from_be_bytes([a, b, c, d]),
            attested_credential,
        })
    }

    /// Applies what both ceremonies require (WebAuthn §7.1 steps 14 to 17, §7.2 steps 15 to 18).
    pub(crate) fn verify(
        &self,
        relying_party: &RelyingParty,
        user_verification: UserVerification,
    ) -> Result<(), AuthenticatorDataError> {
        if self.rp_id_hash != *relying_party.id_hash() {
            return Err(AuthenticatorDataError::RpIdHash);
        }
        if !self.flags.user_present() {
            return Err(AuthenticatorDataError::UserNotPresent);
        }
        if user_verification == UserVerification::Required && !self.flags.user_verified() {
            return Err(AuthenticatorDataError::UserNotVerified);
        }
        if self.flags.backed_up() && !self.flags.backup_eligible() {
            return Err(AuthenticatorDataError::BackedUpWithoutEligibility);
        }
        Ok(())
    }
}

fn attested_credential(rest: &mut &[u8]) -> Result<AttestedCredential, InvalidAuthenticatorData> {
    let aaguid = Aaguid(*take_chunk(rest)?);
    let length = u16::from_be_bytes(*take_chunk(rest)?);
    let id = rest
        .split_off(..usize::from(length))
        .ok_or(InvalidAuthenticatorData::Truncated)?;
    let id = CredentialId::try_from(id);
    let id = id.map_err(|_| InvalidAuthenticatorData::CredentialIdLength)?;
    let (public_key, length) = PublicKey::parse_prefix(rest)?;
    *rest = rest.get(length..).unwrap_or_default();
    Ok(AttestedCredential {
        aaguid,
        id,
        public_key,
    })
}

fn take_chunk<'b, const N: usize>(
    rest: &mut &'b [u8],
) -> Result<&'b [u8; N], InvalidAuthenticatorData> {
    let (chunk, remaining) = rest
        .split_first_chunk()
        .ok_or(InvalidAuthenticatorData::Truncated)?;
    *rest = remaining;
    Ok(chunk)
}

fn skip_extensions(rest: &mut &[u8]) -> Result<(), InvalidAuthenticatorData> {
    let parsed = Value::parse_prefix(rest);
    let (extensions, length) =
        parsed.map_err(|_: InvalidCbor| InvalidAuthenticatorData::Extensions)?;
    if extensions.as_map().is_none() {
        return Err(InvalidAuthenticatorData::Extensions);
    }
    *rest = rest.get(length..).unwrap_or_default();
    Ok(())
}

/// Why authenticator data do not meet the requirements of a ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticatorDataError {
    /// They cannot be read.
    #[error(transparent)]
    Invalid(#[from] InvalidAuthenticatorData),
    /// They are for another RP ID.
    #[error("the authenticator data are for another RP ID")]
    RpIdHash,
    /// UP is not set.
    #[error("no person confirmed the use of the authenticator")]
    UserNotPresent,
    /// UV is required and not set.
    #[error("the authenticator did not verify its user")]
    UserNotVerified,
    /// BS is set without BE.
    #[error("the credential is backed up, but not eligible for backup")]
    BackedUpWithoutEligibility,
}
