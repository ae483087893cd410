//! Client data: what the browser signs along (WebAuthn §5.8.1).

use serde::{Deserialize, Deserializer, de::IgnoredAny};

use crate::{bytes::Challenge, relying_party::RelyingParty};

/// The byte order mark that UTF-8 decoding strips.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Client data are not JSON in UTF-8 with the members `type`, `challenge` and `origin`, or have a member twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client data are not the JSON object that they should be")]
pub struct InvalidClientData;

/// Client data. Unknown members are ignored, as browsers add some (WebAuthn §5.8.1).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CollectedClientData {
    /// The ceremony: `webauthn.create` or `webauthn.get`.
    #[serde(rename = "type")]
    pub ceremony: String,
    /// The challenge in base64url.
    pub challenge: String,
    /// The origin of the page.
    pub origin: String,
    /// Whether the page was in a frame of another origin.
    #[serde(rename = "crossOrigin", default)]
    pub cross_origin: Option<bool>,
    /// Whether there is a member `topOrigin`.
    #[serde(rename = "topOrigin", default, deserialize_with = "is_present")]
    pub has_top_origin: bool,
}

fn is_present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl CollectedClientData {
    /// Reads client data.
    ///
    /// # Errors
    /// [`InvalidClientData`].
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidClientData> {
        let text = str::from_utf8(bytes).map_err(|_| InvalidClientData)?;
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        serde_json::from_str(text).map_err(|_| InvalidClientData)
    }

    /// Applies the requirements of a ceremony (WebAuthn §7.1 steps 7 to 11, §7.2 steps 10 to 14).
    pub(crate) fn verify(
        &self,
        ceremony: &str,
        challenge: &Challenge,
        relying_party: &RelyingParty,
    ) -> Result<(), ClientDataError> {
        if self.ceremony != ceremony {
            return Err(ClientDataError::Type);
        }
        if !challenge.is(&self.challenge) {
            return Err(ClientDataError::Challenge);
        }
        if !relying_party.has_origin(&self.origin) {
            return Err(ClientDataError::Origin);
        }
        // No page of this relying party runs in a frame.
        if self.cross_origin == Some(true) || self.has_top_origin {
            return Err(ClientDataError::CrossOrigin);
        }
        Ok(())
    }
}

/// Why client data do not meet the requirements of a ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientDataError {
    /// They cannot be read.
    #[error(transparent)]
    Invalid(#[from] InvalidClientData),
    /// They are of the other ceremony.
    #[error("the client data are of another type")]
    Type,
    /// They have another challenge.
    #[error("the client data have another challenge")]
    Challenge,
    /// The page is of an origin that is not one of the relying party.
    #[error("the origin is not one of the relying party")]
    Origin,
    /// The page was in a frame of another origin.
    #[error("the ceremony took place in a frame of another origin")]
    CrossOrigin,
}
