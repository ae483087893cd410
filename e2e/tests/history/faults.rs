//! What fails while the clients work.

use std::time::{Duration, Instant};

use e2e::program::Program;
use rustix::process::Signal;
use tokio::time::sleep;

use crate::{
    checker::{BOUND, violations, without_lost_sessions},
    clients::{Clients, present},
    history::{Answer, Credential},
    report::Report,
    stack::Stack,
};

/// Time for which clients work before a fault and after its end.
const CALM: Duration = Duration::from_secs(2);
/// Time until a failed server is replaced: as a lease that expires.
const DETECTION: Duration = Duration::from_secs(2);
/// Time for which a process is suspended, or a connection disturbed.
const DISTURBANCE: Duration = Duration::from_secs(5);

/// Limits of the time during which requests fail (`deploy/ha` measures the same with Patroni and `HAProxy`).
const SERVICE_LIMIT: Duration = Duration::from_secs(5);
const REDIS_LIMIT: Duration = Duration::from_secs(10);
const DATABASE_LIMIT: Duration = Duration::from_secs(15);

/// A fault of one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    PrimaryKilled,
    PrimaryPaused,
    StandbyKilled,
    DatabaseConnectionsCut,
    DatabaseSlow,
    RedisMasterKilled,
    RedisMasterPaused,
    SentinelPaused,
    AuthKilled,
    AuthPaused,
    WebKilled,
    WebPaused,
}

impl Fault {
    const ALL: [Self; 12] = [
        Self::AuthKilled,
        Self::AuthPaused,
        Self::WebKilled,
        Self::WebPaused,
        Self::RedisMasterKilled,
        Self::RedisMasterPaused,
        Self::SentinelPaused,
        Self::DatabaseConnectionsCut,
        Self::DatabaseSlow,
        Self::StandbyKilled,
        Self::PrimaryKilled,
        Self::PrimaryPaused,
    ];

    const fn limit(self) -> Duration {
        match self {
            Self::PrimaryKilled
            | Self::PrimaryPaused
            | Self::StandbyKilled
            | Self::DatabaseConnectionsCut
            | Self::DatabaseSlow => DATABASE_LIMIT,
            Self::RedisMasterKilled | Self::RedisMasterPaused | Self::SentinelPaused => REDIS_LIMIT,
            // A request that a suspended process has accepted waits for it.
            Self::AuthPaused | Self::WebPaused => SERVICE_LIMIT.saturating_add(DISTURBANCE),
            Self::AuthKilled | Self::WebKilled => SERVICE_LIMIT,
        }
    }

    /// Lets the part fail, and repairs it.
    async fn inject(self, stack: &mut Stack) {
        match self {
            Self::PrimaryKilled | Self::PrimaryPaused | Self::StandbyKilled => {
                self.inject_into_servers(stack).await;
            }
            Self::DatabaseConnectionsCut => {
                for _ in 0..10 {
                    stack.database.cut();
                    sleep(DISTURBANCE / 10).await;
                }
            }
            Self::DatabaseSlow => {
                stack.database.delay(Duration::from_millis(100));
                sleep(DISTURBANCE).await;
                stack.database.delay(Duration::ZERO);
            }
            Self::RedisMasterKilled | Self::RedisMasterPaused => {
                self.inject_into_redis(stack).await;
            }
            Self::SentinelPaused => {
                stack.redis.hang_first_sentinel(true);
                sleep(DISTURBANCE).await;
                stack.redis.hang_first_sentinel(false);
            }
            Self::AuthKilled => {
                kill(&mut stack.auth[0]).await;
                stack.auth[0] = stack.start_auth(0).await;
            }
            Self::WebKilled => {
                kill(&mut stack.web[0]).await;
                stack.web[0] = stack.start_web_again(0).await;
            }
            Self::AuthPaused => suspend(&stack.auth[0]).await,
            Self::WebPaused => suspend(&stack.web[0]).await,
        }
    }

    async fn inject_into_servers(self, stack: &mut Stack) {
        match self {
            Self::PrimaryKilled => {
                stack.primary.kill().await;
                sleep(DETECTION).await;
                stack.promote().await;
            }
            Self::PrimaryPaused => {
                stack.primary.hang(true);
                sleep(DETECTION).await;
                let former = stack.promote().await;
                sleep(CALM).await;
                // It takes writes again, from nobody.
                former.hang(false);
            }
            _ => {
                let mut standby = stack.standby.take().expect("a standby");
                standby.kill().await;
                sleep(DETECTION).await;
                stack.primary.continue_alone().await;
            }
        }
        sleep(CALM).await;
        stack.add_standby().await;
    }

    async fn inject_into_redis(self, stack: &mut Stack) {
        let group = &mut stack.redis;
        let master = group.master().await;
        let is_killed = self == Self::RedisMasterKilled;
        if is_killed {
            group.servers[master].kill().await;
        } else {
            group.servers[master].hang(true);
        }
        while group.master().await == master {
            sleep(Duration::from_millis(50)).await;
        }
        if is_killed {
            group.servers[master].start_again().await;
        } else {
            group.servers[master].hang(false);
        }
        group.replicates().await;
    }
}

/// Kills a process, whose place stays empty for a while.
async fn kill(program: &mut Program) {
    program.signal(Signal::KILL);
    program.exit().await;
    sleep(DETECTION).await;
}

/// Suspends a process for a while.
async fn suspend(program: &Program) {
    program.hang(true);
    sleep(DISTURBANCE).await;
    program.hang(false);
}

/// Lets a part fail while clients work, and fails if their history is not correct.
async fn examine(stack: &mut Stack, fault: Fault) -> (Report, Vec<Credential>) {
    let clients = Clients::start(&stack.doors);
    sleep(CALM).await;
    let failed_at = Instant::now();
    fault.inject(stack).await;
    sleep(CALM).await;
    let history = clients.finish().await;
    let events = history.events();
    let may_lose = [Fault::RedisMasterKilled, Fault::RedisMasterPaused].contains(&fault);
    let (lost, events) = if may_lose {
        without_lost_sessions(events)
    } else {
        (Vec::new(), events)
    };
    let violations = violations(&events);
    assert!(
        violations.is_empty(),
        "{fault:?}: {} violations\n{}",
        violations.len(),
        violations.join("\n")
    );
    let report = Report::new(fault, &events, failed_at);
    let report = report.with_lost_sessions(&lost, &events, failed_at);
    (report, history.ended())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_leaves_a_correct_history() {
    let rounds = if std::env::var_os("HOLDFAST_TEST_LONG").is_some() {
        20
    } else {
        1
    };
    // By hand, one of them: `HOLDFAST_TEST_FAULT=PrimaryKilled`.
    let only = std::env::var("HOLDFAST_TEST_FAULT").unwrap_or_default();
    let faults = Fault::ALL.into_iter();
    let faults: Vec<_> = faults
        .filter(|fault| format!("{fault:?}").contains(&only))
        .collect();
    let mut stack = Stack::start(true).await;
    let (mut reports, mut ended) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        for fault in faults.iter().copied() {
            let (report, credentials) = examine(&mut stack, fault).await;
            println!("{report}");
            reports.push(report);
            ended.extend(credentials);
        }
    }
    // Those of a round of an hour have expired, and are refused in any case.
    sleep(BOUND).await;
    assert!(!ended.is_empty());
    for credential in &ended {
        for door in &stack.doors {
            let answer = present(door, credential).await;
            assert_ne!(answer, Answer::Done, "{credential:?} of an ended login");
        }
    }
    for report in reports {
        report.assert_within(report.fault.limit());
    }
}
