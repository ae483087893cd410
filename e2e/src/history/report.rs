//! What a fault cost.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::{Duration, Instant},
};

use crate::history::{Answer, Event, Request, checker::acknowledged_end};

/// Age at which a session has been replicated, also on a busy machine.
const MAX_REPLICATION_DELAY: Duration = Duration::from_secs(1);

/// The figures of one fault, or of several at once.
pub struct Report {
    pub(super) faults: String,
    pub(super) requests: usize,
    /// From the fault to the start of the last request that failed.
    pub(super) unavailable: Duration,
    /// Failed requests by kind.
    pub(super) failed: BTreeMap<&'static str, usize>,
    /// Failed requests by answer, shortened.
    notes: BTreeMap<String, usize>,
    /// Times of sign-ins whose session was lost, since the fault; negative before it.
    pub(super) lost_sessions: Vec<f64>,
    /// For each login, from the acknowledgement of its end to the start of the last check that was allowed; in ascending order.
    pub(super) refused_after: Vec<Duration>,
}

impl Report {
    /// The figures of a history in which these faults happened at a moment.
    #[must_use]
    pub fn new(faults: &str, events: &[Event], failed_at: Instant) -> Self {
        let (mut failed, mut notes) = (BTreeMap::new(), BTreeMap::new());
        let mut last = failed_at;
        for event in events {
            if let Answer::Unavailable(note) = &event.answer {
                *failed.entry(kind(&event.request)).or_default() += 1;
                *notes.entry(shortened(note)).or_default() += 1;
                last = last.max(event.began);
            }
        }
        Self {
            faults: faults.to_owned(),
            requests: events.len(),
            unavailable: last - failed_at,
            failed,
            notes,
            lost_sessions: Vec::new(),
            refused_after: refused_after(events),
        }
    }

    /// Adds the logins that were refused before their end.
    #[must_use]
    pub fn with_lost_sessions(
        self,
        refused: &[Event],
        events: &[Event],
        failed_at: Instant,
    ) -> Self {
        let has_ended = |login, at| {
            let mut ends = events.iter();
            ends.any(|event| {
                event.login == login && event.request == Request::End && event.began < at
            })
        };
        let lost = refused
            .iter()
            .filter(|event| !has_ended(event.login, event.ended));
        let logins: BTreeSet<_> = lost.map(|event| event.login).collect();
        let signed_in = |login: &usize| {
            let mut events = events.iter();
            let sign_in =
                events.find(|event| event.login == *login && event.request == Request::SignIn);
            since(sign_in.expect("a sign-in").ended, failed_at)
        };
        Self {
            lost_sessions: logins.iter().map(signed_in).collect(),
            ..self
        }
    }

    /// Fails if a request failed for another reason than the processor time that it needs.
    pub fn assert_none_failed(&self) {
        let mut notes = self.notes.keys();
        assert!(notes.all(|note| note.ends_with(" OVERLOADED")), "{self}");
    }

    /// Fails if requests failed for longer, or if a session was lost that was older than the delay of replication, or newer than the
    /// failover.
    pub fn assert_within(&self, limit: Duration) {
        assert!(self.unavailable <= limit, "{self}");
        let replicated = -MAX_REPLICATION_DELAY.as_secs_f64();
        let mut lost = self.lost_sessions.iter();
        assert!(
            lost.all(|at| (replicated..=limit.as_secs_f64()).contains(at)),
            "{self}"
        );
    }
}

/// Seconds from the fault to a moment.
fn since(at: Instant, failed_at: Instant) -> f64 {
    let before = failed_at.saturating_duration_since(at).as_secs_f64();
    at.saturating_duration_since(failed_at).as_secs_f64() - before
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |percent| percentile(&self.refused_after, percent);
        writeln!(
            f,
            "{}: failed for {:.1?} after it; {} requests, failed {:?}; end to refused p50 {:.0?}, p99 {:.0?}, max {:.0?} of {}",
            self.faults,
            self.unavailable,
            self.requests,
            self.failed,
            at(50),
            at(99),
            at(100),
            self.refused_after.len(),
        )?;
        if !self.lost_sessions.is_empty() {
            let lost = &self.lost_sessions;
            writeln!(
                f,
                "    sessions lost, by seconds from the fault to the sign-in: {lost:.3?}"
            )?;
        }
        for (note, times) in &self.notes {
            writeln!(f, "    {times} × {note}")?;
        }
        Ok(())
    }
}

/// The time at a percentile of times in ascending order; zero where there are none.
pub(super) fn percentile(times: &[Duration], percent: usize) -> Duration {
    let rank = times.len().saturating_sub(1) * percent / 100;
    times.get(rank).copied().unwrap_or_default()
}

fn refused_after(events: &[Event]) -> Vec<Duration> {
    let mut logins: BTreeMap<usize, Vec<&Event>> = BTreeMap::new();
    for event in events {
        logins.entry(event.login).or_default().push(event);
    }
    let delay = |events: &Vec<&Event>| {
        let end = acknowledged_end(events)?.ended;
        let allowed = events
            .iter()
            .filter(|event| event.request == Request::Check && event.answer == Answer::Done);
        let last = allowed.map(|event| event.began).max()?;
        Some(last.saturating_duration_since(end))
    };
    let mut delays: Vec<_> = logins.values().filter_map(delay).collect();
    delays.sort_unstable();
    delays
}

const fn kind(request: &Request) -> &'static str {
    match request {
        Request::SignIn => "sign-in",
        Request::Check => "check",
        Request::Refresh { .. } => "refresh",
        Request::End => "end",
    }
}

/// The status and reason of an answer, or what happened to the connection.
fn shortened(note: &str) -> String {
    let reason = note.split("\"reason\":\"").nth(1);
    let reason = reason.and_then(|rest| rest.split('"').next());
    match reason {
        Some(reason) => format!("{} {reason}", note.split(':').next().unwrap_or_default()),
        None => note.chars().take(160).collect(),
    }
}
