//! Streams of security events.

use auth_proto::v1;
use holdfast_identity::signals::{
    RequestedEvents, SignalKind, SignalStream, StreamStatus, StreamText,
};

use crate::grpc::encode::timestamp;

pub(in crate::grpc) fn signal_stream(stream: &SignalStream) -> v1::SignalStream {
    let uris = |kinds: &[SignalKind]| {
        let uris = kinds.iter().map(|kind| kind.as_str().to_owned());
        uris.collect()
    };
    let text = |text: &Option<StreamText>| {
        let text = text.as_ref().map(StreamText::as_str);
        text.unwrap_or_default().to_owned()
    };
    let requested = |requested: &RequestedEvents| v1::RequestedEvents {
        uris: requested.uris().map(str::to_owned).collect(),
    };
    let status = match stream.status {
        StreamStatus::Enabled => v1::StreamStatus::Enabled,
        StreamStatus::Paused => v1::StreamStatus::Paused,
        StreamStatus::Disabled => v1::StreamStatus::Disabled,
    };
    v1::SignalStream {
        stream_id: stream.id.to_string(),
        status: status.into(),
        reason: text(&stream.reason),
        requested: stream.requested.as_ref().map(requested),
        supported: uris(SignalKind::ALL),
        delivered: uris(&stream.delivered()),
        description: text(&stream.description),
        created_at: Some(timestamp(stream.created_at)),
    }
}
