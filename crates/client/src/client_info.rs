//! Client info: the source of a request, for rate limits, known locations and the audit trail.

use std::net::IpAddr;

use auth_proto::v1;

/// Where the tokens of a login are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// By the program that signed in.
    Api,
    /// By web-service, in the sealed session record of a browser.
    Browser,
}

/// The source of a request.
#[derive(Clone, Debug)]
pub struct ClientInfo {
    /// Whether a program or a browser sent the request.
    pub kind: ClientKind,
    /// Address of the program or browser, behind all trusted proxies.
    pub ip_address: IpAddr,
    /// `User-Agent` of the request; empty where it has none.
    pub user_agent: String,
    /// Identifier of a browser in which this account, or another one, signed in before; from a signed cookie.
    pub device: Option<DeviceId>,
}

/// Random identifier of a browser, 128 bits.
pub type DeviceId = [u8; 16];

pub(crate) fn encode(client: &ClientInfo) -> v1::Client {
    v1::Client {
        kind: encode_kind(client.kind).into(),
        ip_address: client.ip_address.to_string(),
        user_agent: client.user_agent.clone(),
        device_id: client.device.map(Vec::from).unwrap_or_default(),
    }
}

pub(crate) const fn encode_kind(kind: ClientKind) -> v1::ClientKind {
    match kind {
        ClientKind::Api => v1::ClientKind::Api,
        ClientKind::Browser => v1::ClientKind::Browser,
    }
}
