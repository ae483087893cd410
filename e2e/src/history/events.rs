//! What clients asked, when, and what the answer was.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was allowed, or the change was made.
    Done,
    /// The credentials were refused: 401.
    Refused(String),
    /// No answer, or one that says nothing about the credentials: 503, 429, a closed connection.
    Unavailable(String),
}

/// A request about a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Signs in, which begins the login.
    SignIn,
    /// Presents its access token or cookie.
    Check,
    /// Presents a refresh token, and gets another one.
    Refresh {
        /// What the client had.
        presented: String,
        /// What it got, if anything.
        successor: Option<String>,
    },
    /// Ends the login.
    End,
}

/// A request with its answer.
#[derive(Clone, Debug)]
pub struct Event {
    /// The login, by a number that the client gives it.
    pub login: usize,
    /// What was asked.
    pub request: Request,
    /// What was answered.
    pub answer: Answer,
    /// When the request was sent.
    pub began: Instant,
    /// When the answer was there.
    pub ended: Instant,
}

/// What a login was checked with.
#[derive(Clone, Debug)]
pub enum Credential {
    /// An access token, as a bearer token.
    AccessToken(String),
    /// A session cookie, as in the field `Cookie`.
    Cookie(String),
}

/// The events of all clients, and the credentials of logins whose end was acknowledged.
#[derive(Clone, Default)]
pub struct History {
    events: Arc<Mutex<Vec<Event>>>,
    ended: Arc<Mutex<Vec<(Instant, Credential)>>>,
}

impl History {
    /// Adds an event.
    pub fn record(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }

    /// Adds a credential of a login whose end was acknowledged now.
    pub fn add_ended(&self, credential: Credential) {
        self.ended
            .lock()
            .unwrap()
            .push((Instant::now(), credential));
    }

    /// The events so far, in the order of their answers.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    /// The credentials of ended logins, and when their end was acknowledged.
    #[must_use]
    pub fn ended(&self) -> Vec<(Instant, Credential)> {
        self.ended.lock().unwrap().clone()
    }
}
