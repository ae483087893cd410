//! Security events for receivers (OpenID Shared Signals Framework 1.0, OpenID CAEP 1.0): streams that OAuth clients create, and the events
//! that they have not acknowledged yet.

mod event;
mod service;
mod stream;
mod token;

pub use self::{
    event::{
        ChangeType, CredentialChange, CredentialType, Initiator, InvalidSignal, Signal,
        SignalContent, SignalKind,
    },
    service::{MAX_POLLED, Poll, PolledSignal, PolledSignals, SignalError, SignalService},
    stream::{
        EVENT_TTL, InvalidStream, NewStream, RequestedEvents, SignalStream, StreamChange,
        StreamStatus, StreamText,
    },
    token::{SecurityEvent, SecurityEventTokens},
};
