//! The HTTP/2 connections to one instance of auth-service.

use std::sync::{Arc, PoisonError, RwLock};

use auth_proto::v1::{GetJwksRequest, auth_service_client::AuthServiceClient};
use holdfast_circuit_breaker::Probe;
use tonic::transport::{Channel, Endpoint};

use crate::transport::status::{CallOutcome, classify_status};

/// The connection that a call uses. The number of calls in progress on a connection is limited, so that calls that wait in a queue
/// have one of their own and delay no others.
#[derive(Clone, Copy)]
pub(crate) enum Lane {
    /// For calls that are answered at once.
    Quick,
    /// For calls that hash passwords.
    Passwords,
    /// For streams whose receivers may be slow: what they do not read fills the window of the connection.
    Streams,
}

/// The current connections to one instance. After a replacement, calls in progress finish on the old ones. Clones share them.
#[derive(Clone)]
pub(super) struct Connections(Arc<RwLock<Channels>>);

/// One connection for each [`Lane`].
#[derive(Clone)]
pub(super) struct Channels {
    quick: Channel,
    passwords: Channel,
    streams: Channel,
}

/// Bytes of one stream that are received before they are read; a message of the revocation stream has less than half of that.
const STREAM_WINDOW: u32 = 128 * 1024;
/// The same for all streams of a connection, of which auth-service accepts 128.
const STREAMS_WINDOW: u32 = 128 * STREAM_WINDOW;

impl Channels {
    /// Connections that are opened at their first call.
    pub(super) fn to(endpoint: &Endpoint) -> Self {
        Self {
            quick: endpoint.connect_lazy(),
            passwords: endpoint.connect_lazy(),
            streams: endpoint
                .clone()
                .initial_stream_window_size(STREAM_WINDOW)
                .initial_connection_window_size(STREAMS_WINDOW)
                .connect_lazy(),
        }
    }

    /// Whether the instance answers on these connections; the error is the cause where it does not.
    pub(super) async fn probe(&self) -> Result<(), String> {
        probe(self.quick.clone()).await
    }
}

impl Connections {
    pub(super) fn new(channels: Channels) -> Self {
        Self(Arc::new(RwLock::new(channels)))
    }

    pub(super) fn channel(&self, lane: Lane) -> Channel {
        let channels = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match lane {
            Lane::Quick => channels.quick.clone(),
            Lane::Passwords => channels.passwords.clone(),
            Lane::Streams => channels.streams.clone(),
        }
    }

    pub(super) fn replace(&self, channels: Channels) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = channels;
    }

    /// The probe of the instance's circuit breaker.
    pub(super) fn breaker_probe(&self) -> Probe {
        let connections = self.clone();
        Box::new(move || Box::pin(probe(connections.channel(Lane::Quick))))
    }
}

/// Calls what every instance answers from memory.
async fn probe(channel: Channel) -> Result<(), String> {
    let mut client = AuthServiceClient::new(channel);
    let Err(status) = client.get_jwks(GetJwksRequest {}).await else {
        return Ok(());
    };
    match classify_status(&status) {
        CallOutcome::Answer(_) => Ok(()),
        CallOutcome::NoAnswer { cause, .. } => Err(cause),
    }
}
