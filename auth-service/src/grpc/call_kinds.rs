//! The kind of each RPC for the layer that reads request messages, and the statuses of calls whose message does not arrive.

use auth_proto::v1::ErrorReason;
use holdfast_server_kit::{
    connections::ConnectionHandle,
    read_message::{CallKind, CallPolicy},
    request_body::BodyError,
};
use http::Extensions;
use tonic::{Code, Status};

use crate::grpc::{
    connections::Peer,
    errors::{overloaded, refuse_as},
    rpc_paths,
};

/// Prefix of the health service. Any caller may watch it without a time limit.
const HEALTH: &str = "/grpc.health.v1.Health/";
/// Prefix of both versions of server reflection.
const REFLECTION: &str = "/grpc.reflection.";

/// The calls of the gRPC port.
pub(super) struct PortCalls;

impl CallPolicy for PortCalls {
    fn connection(extensions: &Extensions) -> Option<&ConnectionHandle> {
        Peer::connection(extensions)
    }

    fn kind(path: &str) -> CallKind {
        if path == rpc_paths::WATCH_REVOCATIONS {
            CallKind::TrustedStream
        } else if path.starts_with(HEALTH) {
            CallKind::ServerStream
        } else if path.starts_with(REFLECTION) {
            CallKind::ClientStream
        } else {
            CallKind::Unary
        }
    }

    fn unread(error: BodyError) -> Status {
        let code = match error {
            BodyError::Displaced => return overloaded("too many calls wait for their messages"),
            BodyError::TooSlow => Code::DeadlineExceeded,
            BodyError::Broken => Code::Cancelled,
        };
        let message = "the request message did not arrive completely, or not in time";
        refuse_as(code, ErrorReason::InvalidRequest, message)
    }

    fn displaced() -> Status {
        overloaded("too many streams are open")
    }
}
