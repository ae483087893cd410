//! What clients asked, when, and what the answer was.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It was allowed, or the change was made.
    Done,
    /// The credentials were refused: 401.
    Refused(String),
    /// No answer, or one that says nothing about the credentials: 503, 429, a closed connection.
    Unavailable(String),
}

/// A request about a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Signs in, which begins the login.
    SignIn,
    /// Presents its access token or cookie.
    Check,
    /// Presents a refresh token, and gets another one.
    Refresh {
        presented: String,
        successor: Option<String>,
    },
    /// Ends the login.
    End,
}

/// A request with its answer.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// The login, by a number that the client gives it.
    pub(crate) login: usize,
    pub(crate) request: Request,
    pub(crate) answer: Answer,
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
}

/// What a login was checked with.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
    AccessToken(String),
    Cookie(String),
}

/// The events of all clients, and the credentials of logins whose end was acknowledged.
#[derive(Clone, Default)]
pub(crate) struct History {
    events: Arc<Mutex<Vec<Event>>>,
    ended: Arc<Mutex<Vec<Credential>>>,
}

impl History {
    pub(crate) fn record(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }

    pub(crate) fn add_ended(&self, credential: Credential) {
        self.ended.lock().unwrap().push(credential);
    }

    /// The events so far, in the order of their answers.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    pub(crate) fn ended(&self) -> Vec<Credential> {
        self.ended.lock().unwrap().clone()
    }
}
