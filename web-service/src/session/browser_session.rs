//! A browser session and its times.

use std::time::Duration;

use secrecy::SecretString;
use time::OffsetDateTime;

use crate::session::device::{BIND_WITHIN, Device};

/// What the server knows of a signed-in browser. It is stored sealed.
#[derive(Clone, Debug)]
pub struct Session {
    /// The person's stable identifier.
    pub user_id: String,
    /// The person's name.
    pub username: String,
    /// The login that this session belongs to.
    pub sid: String,
    /// The history of auth-service's store that the login is part of.
    pub epoch: String,
    /// Acts for the person towards auth-service until the login ends. It never reaches the browser.
    pub refresh_token: SecretString,
    /// When the person proved who they are.
    pub authenticated_at: OffsetDateTime,
    /// How they proved it (RFC 8176).
    pub amr: Vec<String>,
    /// When the login ends at the latest.
    pub login_expires_at: OffsetDateTime,
    /// When the session began.
    pub created_at: OffsetDateTime,
    /// When the browser was last seen, to the minute.
    pub last_seen_at: OffsetDateTime,
    /// What it is bound to; `None`: it is not bound.
    pub device: Option<Device>,
}

/// How long sessions last (ASVS 7.3).
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Without a request.
    pub idle: Duration,
    /// Whatever happens.
    pub absolute: Duration,
}

/// As long as a key is taken after a sign-in, and as long as the request that brings it may be worked on.
const MAY_BE_BOUND: Duration = BIND_WITHIN.saturating_add(Duration::from_secs(15));

/// A request within this time of the last one does not write.
const COARSE: Duration = Duration::from_mins(1);

impl Lifetimes {
    /// When the session ends if no request comes.
    #[must_use]
    pub fn idle_end(&self, session: &Session) -> OffsetDateTime {
        (session.last_seen_at + self.idle).min(self.absolute_end(session))
    }

    /// When it ends whatever comes.
    #[must_use]
    pub fn absolute_end(&self, session: &Session) -> OffsetDateTime {
        (session.created_at + self.absolute).min(session.login_expires_at)
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self, session: &Session, now: OffsetDateTime) -> bool {
        now >= self.idle_end(session)
    }

    /// Whether it is time to write down that the browser was seen. While a key may still come in, only what would otherwise end is
    /// written: one of two writes would be lost.
    #[must_use]
    pub fn should_note(&self, session: &Session, now: OffsetDateTime) -> bool {
        let may_be_bound = session.device.is_none() && now < session.created_at + MAY_BE_BOUND;
        let pause = if may_be_bound {
            self.idle / 2
        } else {
            COARSE.min(self.idle / 10)
        };
        now >= session.last_seen_at + pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
    const TICK: Duration = Duration::from_millis(1);

    fn hours(hours: u64) -> Duration {
        Duration::from_secs(hours * 3600)
    }

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    fn session() -> Session {
        Session {
            user_id: "u".into(),
            username: "ada".into(),
            sid: "s".into(),
            epoch: "e".into(),
            refresh_token: "r".to_owned().into(),
            authenticated_at: START,
            amr: vec!["pwd".into()],
            login_expires_at: START + hours(1000),
            created_at: START,
            last_seen_at: START,
            device: None,
        }
    }

    fn lifetimes() -> Lifetimes {
        Lifetimes {
            idle: minutes(30),
            absolute: hours(12),
        }
    }

    #[test]
    fn it_ends_after_thirty_idle_minutes() {
        let end = START + minutes(30);
        assert!(!lifetimes().is_over(&session(), end - TICK));
        assert!(lifetimes().is_over(&session(), end));
    }

    #[test]
    fn activity_moves_the_idle_end_and_never_the_absolute_one() {
        let mut active = session();
        active.last_seen_at = START + hours(12) - minutes(1);
        assert_eq!(lifetimes().idle_end(&active), START + hours(12));
        assert!(lifetimes().is_over(&active, START + hours(12)));
    }

    #[test]
    fn it_ends_with_its_login() {
        let mut short = session();
        short.login_expires_at = START + minutes(5);
        assert!(lifetimes().is_over(&short, START + minutes(5)));
    }

    #[test]
    fn seen_is_written_once_a_minute_and_more_often_where_sessions_are_short() {
        assert!(!lifetimes().should_note(&session(), START + minutes(1) - TICK));
        assert!(lifetimes().should_note(&session(), START + minutes(1)));
        let short = Lifetimes {
            idle: Duration::from_secs(10),
            ..lifetimes()
        };
        let second = Duration::from_secs(1);
        assert!(
            !short.should_note(&session(), START + second),
            "it may be bound yet"
        );
        assert!(
            short.should_note(&session(), START + second * 5),
            "or it would end"
        );
        let mut later = session();
        later.last_seen_at += minutes(1);
        assert!(short.should_note(&later, START + minutes(1) + second));
    }
}
