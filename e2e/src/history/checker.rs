//! Finds what must not be in a history.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use crate::history::{Answer, Event, Request};

/// Without `WEB_SESSION_REPLICAS` a failover of Redis can lose sessions, whose people sign in again (ADR 37). Returns the events in which that happened, and the others.
#[must_use]
pub fn without_lost_sessions(events: Vec<Event>) -> (Vec<Event>, Vec<Event>) {
    let is_lost = |event: &Event| matches!(&event.answer, Answer::Refused(why) if why.contains("SESSION_MISSING"));
    events.into_iter().partition(is_lost)
}

/// All violations, in words, of a history in which an acknowledged end is in effect everywhere after `bound`.
#[must_use]
pub fn violations(events: &[Event], bound: Duration) -> Vec<String> {
    let mut logins: BTreeMap<usize, Vec<&Event>> = BTreeMap::new();
    for event in events {
        logins.entry(event.login).or_default().push(event);
    }
    let mut found = Vec::new();
    for (login, events) in logins {
        let mut own = Vec::new();
        let mut report = |what: &str, event: &Event| {
            own.push(format!("login {login}: {what}: {event:?}"));
        };
        wrong_allows(&events, bound, &mut report);
        false_sign_outs(&events, &mut report);
        second_successors(&events, &mut report);
        if let Some(last) = own.last_mut() {
            last.push_str(&timeline(&events));
        }
        found.extend(own);
    }
    found
}

/// All events of a login, with the times in which they began and ended.
fn timeline(events: &[&Event]) -> String {
    let start = events.iter().map(|event| event.began).min();
    let since = |at: Instant| start.map_or(Duration::ZERO, |start| at - start);
    let line = |event: &&Event| {
        let (began, ended) = (since(event.began), since(event.ended));
        format!(
            "\n    {began:.1?} to {ended:.1?}: {:?}: {:?}",
            event.request, event.answer
        )
    };
    events.iter().map(line).collect()
}

/// What began later than the bound after an acknowledged end must be refused.
fn wrong_allows(events: &[&Event], bound: Duration, report: &mut impl FnMut(&str, &Event)) {
    let Some(ended) = acknowledged_end(events) else {
        return;
    };
    for event in events.iter().filter(|event| event.answer == Answer::Done) {
        let is_late = match event.request {
            // It reads the row of the login.
            Request::Refresh { .. } => event.began > ended.ended,
            Request::Check => event.began > ended.ended + bound,
            Request::SignIn | Request::End => false,
        };
        if is_late {
            report("allowed after its end", event);
        }
    }
}

/// Nothing that was answered before an end began may be refused.
fn false_sign_outs(events: &[&Event], report: &mut impl FnMut(&str, &Event)) {
    let is_refused = |event: &Event| matches!(event.answer, Answer::Refused(_));
    // An end that is refused did not end the login.
    let first_end = events
        .iter()
        .filter(|event| event.request == Request::End && !is_refused(event))
        .map(|event| event.began)
        .min();
    for event in events {
        if is_refused(event) && first_end.is_none_or(|end| event.ended < end) {
            report("refused before its end", event);
        }
    }
}

/// A refresh token leads to one successor.
fn second_successors(events: &[&Event], report: &mut impl FnMut(&str, &Event)) {
    let mut successors: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for event in events {
        if let Request::Refresh {
            presented,
            successor: Some(successor),
        } = &event.request
        {
            let known = successors.entry(presented).or_default();
            known.insert(successor);
            if known.len() > 1 {
                report("a second successor", event);
            }
        }
    }
}

/// The first acknowledged end of a login.
pub(super) fn acknowledged_end<'a>(events: &[&'a Event]) -> Option<&'a Event> {
    let mut ends = events.iter().copied();
    ends.find(|event| event.request == Request::End && event.answer == Answer::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_secs(15);

    /// An event that takes a second, from this one on.
    fn event(from: u64, request: Request, answer: Answer) -> Event {
        // The same start for all events of a test.
        static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
        let at = |seconds| *START + Duration::from_secs(seconds);
        Event {
            login: 1,
            request,
            answer,
            began: at(from),
            ended: at(from + 1),
        }
    }

    fn refresh(from: u64, presented: &str, successor: &str) -> Event {
        let request = Request::Refresh {
            presented: presented.to_owned(),
            successor: Some(successor.to_owned()),
        };
        event(from, request, Answer::Done)
    }

    fn refused() -> Answer {
        Answer::Refused(String::new())
    }

    #[test]
    fn correct_history_has_no_violation() {
        let events = [
            event(0, Request::SignIn, Answer::Done),
            refresh(1, "a", "b"),
            refresh(2, "a", "b"),
            event(3, Request::Check, Answer::Unavailable(String::new())),
            event(4, Request::End, Answer::Done),
            event(6, Request::Check, Answer::Done),
            event(90, Request::Check, refused()),
        ];
        assert_eq!(violations(&events, BOUND), Vec::<String>::new());
    }

    #[test]
    fn violations_are_found() {
        for (events, what) in [
            (
                vec![
                    event(0, Request::End, Answer::Done),
                    event(1 + BOUND.as_secs() + 1, Request::Check, Answer::Done),
                ],
                "allowed after its end",
            ),
            (
                vec![event(0, Request::End, Answer::Done), refresh(2, "a", "b")],
                "allowed after its end",
            ),
            (
                vec![
                    event(0, Request::Check, refused()),
                    event(5, Request::End, Answer::Done),
                ],
                "refused before its end",
            ),
            (
                vec![event(0, Request::End, refused())],
                "refused before its end",
            ),
            (
                vec![refresh(0, "a", "b"), refresh(1, "a", "c")],
                "a second successor",
            ),
        ] {
            let found = violations(&events, BOUND);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(what), "{found:?}");
        }
    }
}
