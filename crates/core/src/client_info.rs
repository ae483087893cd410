//! The source of a request.

use std::net::IpAddr;

/// The kind of program that a person signs in with. It decides who keeps the refresh token, and whether it rotates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// A program that keeps its own tokens; its refresh tokens rotate.
    Api,
    /// A browser whose tokens web-service keeps; its refresh token does not rotate.
    Browser,
}

/// Address, user agent, known device and kind of the source of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// A browser, or a program that keeps its own tokens.
    pub kind: ClientKind,
    /// IP address, if known.
    pub ip_address: Option<IpAddr>,
    /// `User-Agent`, at most 256 characters; `None` if it sent none.
    pub user_agent: Option<String>,
    /// The browser's identifier from its signed `__Host-known` cookie, whichever account signs in with it.
    pub device: Option<DeviceId>,
}

/// Identifier of a browser that an account signed in with before: 16 random bytes in a signed cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceId([u8; 16]);

impl DeviceId {
    /// Returns the identifier with these bytes, which are random.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the identifier with these bytes; `None` unless there are 16.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Returns the 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}
