//! Client info in its form in the contract.

use auth_proto::v1;
use holdfast_core::client_info::{ClientInfo, ClientKind};

pub(crate) fn encode(client: &ClientInfo) -> v1::Client {
    let address = client.ip_address.map(|address| address.to_string());
    let device = client.device.as_ref().map(|id| id.as_bytes().to_vec());
    v1::Client {
        kind: encode_kind(client.kind).into(),
        ip_address: address.unwrap_or_default(),
        user_agent: client.user_agent.clone().unwrap_or_default(),
        device_id: device.unwrap_or_default(),
    }
}

pub(crate) const fn encode_kind(kind: ClientKind) -> v1::ClientKind {
    match kind {
        ClientKind::Api => v1::ClientKind::Api,
        ClientKind::Browser => v1::ClientKind::Browser,
    }
}
