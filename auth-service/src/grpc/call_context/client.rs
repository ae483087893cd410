//! The client info of a call.

use auth_proto::v1;
use holdfast_identity::login::{ClientInfo, ClientKind, DeviceId};
use tonic::Request;

use crate::grpc::{call_context::metadata::text, connections::Peer};

/// In characters; the rest is cut off.
const MAX_USER_AGENT: usize = 256;

/// A request message with a field `client`.
pub(in crate::grpc) trait StatesClient {
    /// Takes the field out of the message.
    fn take_client(&mut self) -> Option<v1::Client>;
}

macro_rules! states_client {
    ($($message:ident),+ $(,)?) => {$(
        impl StatesClient for v1::$message {
            fn take_client(&mut self) -> Option<v1::Client> {
                self.client.take()
            }
        }
    )+};
}

states_client!(
    LoginRequest,
    StartAuthenticationRequest,
    ContinueAuthenticationRequest,
    IssueTokenRequest,
    RevokeTokenRequest,
    RegisterClientRequest,
    ReportDeviceRequest,
    BindTrustedBrowserRequest,
    ReauthenticateRequest,
    StartReauthenticationRequest,
    ContinueReauthenticationRequest,
    ChangePasswordRequest,
    RemovePasswordRequest,
    AddPasswordRequest,
    EndLoginRequest,
    EndOtherLoginsRequest,
    EndGrantRequest,
    EndApplicationRequest,
    ConfirmTotpEnrolmentRequest,
    RemoveFactorRequest,
    CreateRecoveryCodesRequest,
    FinishPasskeyRegistrationRequest,
    RenamePasskeyRequest,
    EndTrustedBrowserRequest,
);

/// The client info that web-service states.
pub(super) fn stated(client: v1::Client) -> ClientInfo {
    ClientInfo {
        kind: match client.kind() {
            v1::ClientKind::Browser => ClientKind::Browser,
            v1::ClientKind::Api | v1::ClientKind::Unspecified => ClientKind::Api,
        },
        ip_address: client.ip_address.parse().ok(),
        user_agent: Some(client.user_agent)
            .filter(|agent| !agent.is_empty())
            .map(|agent| truncated(&agent)),
        device: DeviceId::from_bytes(&client.device_id),
    }
}

/// The client info of a caller other than web-service: the address of its connection, and its own user agent.
pub(super) fn of_call<T>(request: &Request<T>) -> ClientInfo {
    ClientInfo {
        kind: ClientKind::Api,
        ip_address: Peer::address(request).map(|address| address.ip()),
        user_agent: text(request, "user-agent").map(truncated),
        device: None,
    }
}

fn truncated(user_agent: &str) -> String {
    user_agent.chars().take(MAX_USER_AGENT).collect()
}
