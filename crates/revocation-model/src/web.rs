//! web-service, which follows the revocation stream of one instance.

use crate::{MAX_STALENESS, Safeguards, instance::Instance};

/// A message that is on its way. It contains all entries after the position of the stream, and so makes its reader current.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Message {
    /// A bit for each login that has ended.
    ended: u8,
    newest: u8,
    epoch: u8,
    /// Ticks since it was sent.
    pub(crate) age: u8,
}

/// An open stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stream {
    /// The number of the instance that sends.
    pub(crate) instance: usize,
    /// The newest number that was sent, or that web-service had when the stream was opened.
    position: u8,
    /// Whether a message was received, and thereby the snapshot if there is one.
    has_begun: bool,
    pub(crate) message: Option<Message>,
}

/// web-service, with sessions that belong to epoch 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct WebService {
    /// A bit for each login that has ended.
    ended: u8,
    newest: u8,
    epoch: u8,
    /// Ticks since the last message.
    pub(crate) age: u8,
    pub(crate) stream: Option<Stream>,
    /// Whether its process is suspended: it receives nothing, and answers nothing.
    pub(crate) is_stopped: bool,
}

/// The state of a login, as web-service knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoginState {
    Live,
    Ended,
    Unknown,
}

impl WebService {
    /// Opens a stream to an instance, after the newest number that it has.
    pub(crate) fn connect(&mut self, number: usize, instance: &Instance) {
        let resumes = self.epoch == instance.epoch && self.newest <= instance.newest();
        self.stream = Some(Stream {
            instance: number,
            position: if resumes { self.newest } else { 0 },
            has_begun: false,
            message: None,
        });
    }

    /// Receives the message that is on its way.
    pub(crate) fn receive(&mut self) {
        let Some(stream) = &mut self.stream else {
            return;
        };
        let Some(message) = stream.message.take() else {
            return;
        };
        stream.has_begun = true;
        if self.epoch == message.epoch {
            self.ended |= message.ended;
            self.newest = self.newest.max(message.newest);
        } else {
            self.ended = message.ended;
            self.newest = message.newest;
            self.epoch = message.epoch;
        }
        // It counts from the receipt, not from the sending: the clocks of both may differ.
        self.age = 0;
    }

    /// The process is resumed. What was sent to it meanwhile waits, however old it is.
    pub(crate) fn resume(&mut self, safeguards: Safeguards) {
        self.is_stopped = false;
        if safeguards.reconnect_after_stop {
            self.stream = None;
        }
    }

    /// The state of the login of a session.
    pub(crate) fn login_state(&self, login: u8, safeguards: Safeguards) -> LoginState {
        let is_same_epoch = self.epoch == 0;
        if is_same_epoch && self.ended & (1 << login) != 0 {
            LoginState::Ended
        } else if safeguards.max_staleness && self.age > MAX_STALENESS {
            LoginState::Unknown
        } else if is_same_epoch {
            LoginState::Live
        } else if self.stream.is_some_and(|stream| stream.has_begun) {
            LoginState::Ended
        } else {
            LoginState::Unknown
        }
    }
}

impl Stream {
    /// Sends what the instance has read since the last message.
    pub(crate) fn send(&mut self, instance: &Instance) {
        let new = instance.log.iter();
        let new = new.filter(|entry| entry.number > self.position);
        let message = Message {
            ended: new.fold(0, |ended, entry| ended | 1 << entry.login),
            newest: instance.newest(),
            epoch: instance.epoch,
            age: 0,
        };
        self.position = self.position.max(instance.newest());
        self.message = Some(message);
    }
}
