//! Histories of clients while parts fail, one after another, and the time for which each fault is noticed.
//!
//! `cargo xtask test --only history` injects each fault once; with `--long` each twenty times, and each pair of faults of different parts.
//! `HOLDFAST_TEST_FAULT` selects some of them. Both then print a table of all rounds.

use std::time::{Duration, Instant};

use e2e::history::{
    Answer, Clients, Credential, Crowd, Report, Summary, present, violations, without_lost_sessions,
};
use tokio::time::sleep;

use crate::{
    fault::Fault,
    injection::CALM,
    stack::{BOUND, Stack, accounts},
};

/// Rounds of each fault by hand: `cargo xtask test --only history --long`.
const LONG_ROUNDS: usize = 20;

const CROWD: Crowd = Crowd {
    programs: 6,
    browsers: 2,
};

/// Faults that come together, unless they are selected: they disturb little, and so take less time.
const TOGETHER: [[Fault; 2]; 8] = [
    [Fault::AuthClockAhead, Fault::WebClockBehind],
    [Fault::AuthClockBehind, Fault::WebClockAhead],
    [Fault::RedisSlow, Fault::StandbySlow],
    [Fault::SentinelKilled, Fault::AuthSlow],
    [Fault::SentinelPaused, Fault::WebSlow],
    [Fault::AuthConnectionsCut, Fault::RedisConnectionsCut],
    [Fault::WebBalancerKilled, Fault::StandbyConnectionCut],
    [Fault::WebConnectionsCut, Fault::DatabaseBalancerKilled],
];

/// Each fault alone.
fn alone() -> Vec<Vec<Fault>> {
    Fault::ALL.map(|fault| vec![fault]).to_vec()
}

/// Each pair of faults of different parts.
fn pairs() -> impl Iterator<Item = Vec<Fault>> {
    Fault::ALL.iter().enumerate().flat_map(|(index, first)| {
        let others = Fault::ALL[index..].iter();
        let others = others.filter(|second| second.part() != first.part());
        others.map(|second| vec![*first, *second])
    })
}

/// Each fault once, and one pair of which either stops requests.
fn short_plan() -> Vec<Vec<Fault>> {
    let mut plan = alone();
    plan.retain(|faults| !TOGETHER.as_flattened().contains(&faults[0]));
    plan.extend(TOGETHER.map(Vec::from));
    plan.push(vec![Fault::PrimaryKilled, Fault::WebPaused]);
    plan
}

/// Each fault many times, and each pair once.
fn long_plan() -> Vec<Vec<Fault>> {
    let rounds = std::iter::repeat_n(alone(), LONG_ROUNDS);
    rounds.flatten().chain(pairs()).collect()
}

/// Each fault and each pair, where its name contains one of these texts, which `|` separates.
fn selected_plan(names: &str, is_long: bool) -> Vec<Vec<Fault>> {
    let mut plan = if is_long {
        long_plan()
    } else {
        alone().into_iter().chain(pairs()).collect()
    };
    plan.retain(|faults| {
        let name = format!("{faults:?}");
        names.split('|').any(|selected| name.contains(selected))
    });
    plan
}

/// Lets parts fail while clients work, and fails if their history is not correct.
async fn examine(stack: &mut Stack, faults: &[Fault]) -> (Report, Vec<(Instant, Credential)>) {
    let clients = Clients::start(CROWD, &stack.doors, &accounts());
    sleep(CALM).await;
    let failed_at = Instant::now();
    let mut repairs = Vec::new();
    for fault in faults {
        repairs.push(fault.inject(stack).await);
    }
    // In reverse: a killed service is started when the database is there, as its supervisor would try until then.
    for repair in repairs.into_iter().rev() {
        repair.make(stack).await;
    }
    sleep(CALM).await;
    let history = clients.finish().await;
    let events = history.events();
    let may_lose = faults.iter().any(|fault| fault.replaces_redis());
    let (lost, events) = if may_lose {
        without_lost_sessions(events)
    } else {
        (Vec::new(), events)
    };
    let violations = violations(&events, BOUND);
    assert!(
        violations.is_empty(),
        "{faults:?}: {} violations\n{}",
        violations.len(),
        violations.join("\n")
    );
    let report = Report::new(&format!("{faults:?}"), &events, failed_at);
    let report = report.with_lost_sessions(&lost, &events, failed_at);
    (report, history.ended())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_leaves_a_correct_history() {
    let is_long = std::env::var_os("HOLDFAST_TEST_LONG").is_some();
    // By hand, some of them: `HOLDFAST_TEST_FAULT='[AuthKilled]|[AuthPaused]'`.
    let names = std::env::var("HOLDFAST_TEST_FAULT").ok();
    let is_by_hand = is_long || names.is_some();
    let plan = match names {
        Some(names) => selected_plan(&names, is_long),
        None if is_long => long_plan(),
        None => short_plan(),
    };
    let mut stack = Stack::start(true).await;
    let (mut summary, mut reports, mut ended) = (Summary::new(is_by_hand), Vec::new(), Vec::new());
    for faults in plan {
        let (report, credentials) = examine(&mut stack, &faults).await;
        println!("{report}");
        summary.add(&report);
        let limits = faults.iter().map(|fault| fault.limit());
        reports.push((report, limits.sum::<Duration>()));
        ended.extend(credentials);
    }
    // Those of a round of an hour have expired, and are refused in any case.
    sleep(BOUND).await;
    assert!(!ended.is_empty());
    for (_, credential) in &ended {
        for door in &stack.doors {
            let answer = present(door, credential).await;
            assert!(
                matches!(answer, Answer::Refused(_)),
                "{answer:?}: {credential:?} of an ended login"
            );
        }
    }
    for (report, limit) in reports {
        report.assert_within(limit);
    }
}

#[test]
fn short_plan_has_each_fault() {
    let plan = short_plan().concat();
    for fault in Fault::ALL {
        assert!(plan.contains(&fault), "{fault:?}");
    }
}
