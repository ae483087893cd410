//! What fails while the clients work.

use std::time::{Duration, Instant};

use e2e::history::{
    Answer, Clients, Credential, Crowd, Report, present, violations, without_lost_sessions,
};
use tokio::time::sleep;

use crate::{
    injection::{CALM, DISTURBANCE},
    stack::{BOUND, Stack, accounts},
};

/// Rounds of each fault by hand: `cargo xtask test --only history --long`.
const LONG_ROUNDS: usize = 20;

const CROWD: Crowd = Crowd {
    programs: 6,
    browsers: 2,
};

/// Limits of the time during which requests fail (`deploy/ha` measures the same with Patroni and `HAProxy`).
const SERVICE_LIMIT: Duration = Duration::from_secs(5);
const REDIS_LIMIT: Duration = Duration::from_secs(10);
const DATABASE_LIMIT: Duration = Duration::from_secs(15);

/// A fault of one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    PrimaryKilled,
    PrimaryPaused,
    PrimaryDiskFull,
    StandbyKilled,
    StandbyPaused,
    DatabaseConnectionsCut,
    DatabaseSlow,
    DatabaseBalancerPaused,
    RedisMasterKilled,
    RedisMasterPaused,
    SentinelPaused,
    AuthKilled,
    AuthPaused,
    AuthClockAhead,
    AuthClockBehind,
    WebKilled,
    WebPaused,
}

/// What a fault affects. Two faults of different parts can come together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Database,
    Redis,
    Sentinel,
    Auth,
    Web,
}

impl Fault {
    const ALL: [Self; 17] = [
        Self::AuthKilled,
        Self::AuthPaused,
        Self::AuthClockAhead,
        Self::AuthClockBehind,
        Self::WebKilled,
        Self::WebPaused,
        Self::RedisMasterKilled,
        Self::RedisMasterPaused,
        Self::SentinelPaused,
        Self::DatabaseConnectionsCut,
        Self::DatabaseSlow,
        Self::DatabaseBalancerPaused,
        Self::StandbyKilled,
        Self::StandbyPaused,
        Self::PrimaryKilled,
        Self::PrimaryPaused,
        Self::PrimaryDiskFull,
    ];

    const fn part(self) -> Part {
        match self {
            Self::PrimaryKilled
            | Self::PrimaryPaused
            | Self::PrimaryDiskFull
            | Self::StandbyKilled
            | Self::StandbyPaused
            | Self::DatabaseConnectionsCut
            | Self::DatabaseSlow
            | Self::DatabaseBalancerPaused => Part::Database,
            Self::RedisMasterKilled | Self::RedisMasterPaused => Part::Redis,
            Self::SentinelPaused => Part::Sentinel,
            Self::AuthKilled | Self::AuthPaused | Self::AuthClockAhead | Self::AuthClockBehind => {
                Part::Auth
            }
            Self::WebKilled | Self::WebPaused => Part::Web,
        }
    }

    const fn limit(self) -> Duration {
        match self.part() {
            Part::Database => DATABASE_LIMIT,
            Part::Redis | Part::Sentinel => REDIS_LIMIT,
            // A request that a suspended process has accepted waits for it.
            Part::Auth | Part::Web => SERVICE_LIMIT.saturating_add(match self {
                Self::AuthPaused | Self::WebPaused => DISTURBANCE,
                _ => Duration::ZERO,
            }),
        }
    }
}

/// Each fault, and one pair; with `is_long` each fault many times, and each pair of different parts.
fn plan(is_long: bool) -> Vec<Vec<Fault>> {
    let alone = Fault::ALL.map(|fault| vec![fault]);
    let pairs = Fault::ALL.iter().enumerate().flat_map(|(index, first)| {
        let others = Fault::ALL[index..].iter();
        let others = others.filter(|second| second.part() != first.part());
        others.map(|second| vec![*first, *second])
    });
    if is_long {
        let rounds = std::iter::repeat_n(alone.to_vec(), LONG_ROUNDS);
        rounds.flatten().chain(pairs).collect()
    } else {
        let pair = vec![Fault::PrimaryKilled, Fault::WebPaused];
        [alone.to_vec(), vec![pair]].concat()
    }
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
    let may_lose = faults.iter().any(|fault| fault.part() == Part::Redis);
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
    let only = std::env::var("HOLDFAST_TEST_FAULT").unwrap_or_default();
    let mut plan = plan(is_long);
    plan.retain(|faults| {
        let name = format!("{faults:?}");
        only.split('|').any(|selected| name.contains(selected))
    });
    let mut stack = Stack::start(true).await;
    let (mut reports, mut ended) = (Vec::new(), Vec::new());
    for faults in plan {
        let (report, credentials) = examine(&mut stack, &faults).await;
        println!("{report}");
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
