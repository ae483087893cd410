//! What kinds of calls the port has, and what becomes of those whose message does not come.

use auth_proto::v1::ErrorReason;
use holdfast_server_kit::{
    connections::ConnectionHandle,
    read_message::{CallKind, Calls},
    request_body::BodyError,
};
use http::Extensions;
use tonic::{Code, Status};

use crate::grpc::{
    errors::{overloaded, refuse},
    tls::Peer,
};

/// A stream that lasts as long as the process of its client.
const WATCH_REVOCATIONS: &str = "/auth.v1.AuthService/WatchRevocations";
/// Anybody may watch health for as long as they like.
const HEALTH: &str = "/grpc.health.v1.Health/";
const REFLECTION: &str = "/grpc.reflection.";

/// The calls of the port.
pub(super) struct PortCalls;

impl Calls for PortCalls {
    fn connection(extensions: &Extensions) -> Option<&ConnectionHandle> {
        Peer::connection(extensions)
    }

    fn kind(path: &str) -> CallKind {
        if path == WATCH_REVOCATIONS {
            CallKind::TrustedStream
        } else if path.starts_with(HEALTH) {
            CallKind::Open
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
        let message = "the request message did not arrive as a whole, or not in time";
        refuse(code, ErrorReason::InvalidRequest, message)
    }

    fn displaced() -> Status {
        overloaded("too many streams are open")
    }
}
