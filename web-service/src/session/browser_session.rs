//! A browser session and its timeouts.

use std::time::Duration;

use holdfast_client::Reauthenticated;
use holdfast_core::assurance_level::AssuranceLevel;
use secrecy::SecretString;
use time::OffsetDateTime;

use crate::session::device_binding::{device::Device, protocol::REGISTRATION_WINDOW};

/// A browser session. It is stored sealed.
#[derive(Clone, Debug)]
pub struct Session {
    /// `sub`: identifier of the account.
    pub user_id: String,
    /// Username of the account.
    pub username: String,
    /// `sid`: the login that the session belongs to.
    pub sid: String,
    /// Epoch of auth-service's store that the login belongs to.
    pub epoch: String,
    /// Refresh token of the login. It never reaches the browser.
    pub refresh_token: SecretString,
    /// `auth_time`: time of the latest authentication.
    pub authenticated_at: OffsetDateTime,
    /// `amr`: the factors of the latest authentication (RFC 8176).
    pub amr: Vec<String>,
    /// `acr`: the strength of the latest authentication.
    pub acr: AssuranceLevel,
    /// Time at which the login ends at the latest.
    pub login_expires_at: OffsetDateTime,
    /// Time at which the session started.
    pub created_at: OffsetDateTime,
    /// Time of the latest use, recorded at most once a minute.
    pub last_seen_at: OffsetDateTime,
    /// The device that the session is bound to, if it is.
    pub device: Option<Device>,
}

impl Session {
    /// Records the latest authentication.
    pub fn record_authentication(&mut self, latest: &Reauthenticated) {
        self.authenticated_at = latest.authenticated_at;
        self.acr = level(latest.acr.as_deref());
        // An older auth-service does not report them.
        if !latest.amr.is_empty() {
            self.amr.clone_from(&latest.amr);
        }
    }
}

/// The strength that `acr` names. One that is absent or unknown, as from an older or newer auth-service, is the least.
#[must_use]
pub fn level(acr: Option<&str>) -> AssuranceLevel {
    let level = acr.and_then(|acr| acr.parse().ok());
    level.unwrap_or(AssuranceLevel::Aal1)
}

/// The timeouts of sessions (ASVS 7.3).
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Idle timeout: time after the latest request.
    pub idle: Duration,
    /// Absolute timeout: time after the start.
    pub absolute: Duration,
}

/// Time after the start in which a registration may still change the record: its window, and the time that its request may take.
const BINDABLE_FOR: Duration = REGISTRATION_WINDOW.saturating_add(Duration::from_secs(15));

/// Resolution of `last_seen_at`.
const SEEN_INTERVAL: Duration = Duration::from_mins(1);

impl Lifetimes {
    /// The end of the session without a further request.
    #[must_use]
    pub fn idle_end(&self, session: &Session) -> OffsetDateTime {
        (session.last_seen_at + self.idle).min(self.absolute_end(session))
    }

    /// The latest end of the session: the absolute timeout, or the end of its login.
    #[must_use]
    pub fn absolute_end(&self, session: &Session) -> OffsetDateTime {
        (session.created_at + self.absolute).min(session.login_expires_at)
    }

    /// Whether the session has timed out at `now`.
    #[must_use]
    pub fn is_over(&self, session: &Session, now: OffsetDateTime) -> bool {
        now >= self.idle_end(session)
    }

    /// Whether the use of the session at `now` should be recorded: once a minute, and more often with a short idle timeout. While a
    /// registration may come, only when the session would otherwise time out, as one of two concurrent writes would be lost.
    #[must_use]
    pub fn should_record_seen(&self, session: &Session, now: OffsetDateTime) -> bool {
        let is_bindable = session.device.is_none() && now < session.created_at + BINDABLE_FOR;
        let interval = if is_bindable {
            self.idle / 2
        } else {
            SEEN_INTERVAL.min(self.idle / 10)
        };
        now >= session.last_seen_at + interval
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
            acr: AssuranceLevel::Aal1,
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
    fn session_ends_after_idle_timeout() {
        let end = START + minutes(30);
        assert!(!lifetimes().is_over(&session(), end - TICK));
        assert!(lifetimes().is_over(&session(), end));
    }

    #[test]
    fn activity_moves_idle_end_up_to_absolute_end() {
        let mut active = session();
        active.last_seen_at = START + hours(12) - minutes(1);
        assert_eq!(lifetimes().idle_end(&active), START + hours(12));
        assert!(lifetimes().is_over(&active, START + hours(12)));
    }

    #[test]
    fn session_ends_with_its_login() {
        let mut short = session();
        short.login_expires_at = START + minutes(5);
        assert!(lifetimes().is_over(&short, START + minutes(5)));
    }

    #[test]
    fn use_is_recorded_once_a_minute_and_more_often_with_short_idle_timeout() {
        assert!(!lifetimes().should_record_seen(&session(), START + minutes(1) - TICK));
        assert!(lifetimes().should_record_seen(&session(), START + minutes(1)));
        let short = Lifetimes {
            idle: Duration::from_secs(10),
            ..lifetimes()
        };
        let second = Duration::from_secs(1);
        assert!(
            !short.should_record_seen(&session(), START + second),
            "it may still be bound"
        );
        assert!(
            short.should_record_seen(&session(), START + second * 5),
            "it would time out"
        );
        let mut later = session();
        later.last_seen_at += minutes(1);
        assert!(short.should_record_seen(&later, START + minutes(1) + second));
    }
}
