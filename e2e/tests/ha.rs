//! The stack of `deploy/ha`: started as its README says, upgraded, and run through the failure of each part, while clients work through
//! `HAProxy`. A test program of its own, as it uses the ports that the documentation names.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop, and this one prints what it measured"
)]

use std::{
    fs,
    os::unix,
    time::{Duration, Instant},
};

use e2e::{
    compose::{Stack, root},
    history::{
        Answer, Clients, Credential, Crowd, Door, Report, present, violations,
        without_lost_sessions,
    },
    shell::{self, Step},
    site::Site,
    wait::{until, until_within},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{process::Command, time::sleep};

/// The accounts that clients sign in to.
const ACCOUNTS: usize = 4;
/// Half as many as two cores serve beside the stack: an upgrade needs processor time, too.
const CROWD: Crowd = Crowd {
    programs: 3,
    browsers: 1,
};
/// Time for which clients work before a failure and after it.
const CALM: Duration = Duration::from_secs(3);
/// Time for which a part is gone that others replace at once.
const ABSENCE: Duration = Duration::from_secs(5);
/// Time after which an acknowledged end is in effect everywhere: the default of `AUTH_REVOCATION_MAX_STALENESS`, and the delays of a stream.
const BOUND: Duration = Duration::from_secs(63);

/// Limits of the time during which requests fail. On the two busy cores of a test machine they are twice those that README.md strives for: 5, 10
/// and 15 seconds.
const SERVICE_LIMIT: Duration = Duration::from_secs(10);
const REDIS_LIMIT: Duration = Duration::from_secs(20);
const DATABASE_LIMIT: Duration = Duration::from_secs(30);
/// A part without which nothing stops.
const SPARE_LIMIT: Duration = Duration::from_secs(5);

const REDIS_MASTER: &str = "redis master";

/// Limit for a server that returns to its group.
const RETURN_LIMIT: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn stack_is_upgraded_and_survives_the_failure_of_each_part() {
    let mut stack = Reference::start().await;
    stack.is_upgraded().await;
    for part in ["auth-1", "web-1"] {
        stack.loses(part, Failure::Killed, SERVICE_LIMIT).await;
    }
    for part in ["auth-2", "web-2"] {
        stack.loses(part, Failure::Unreachable, SERVICE_LIMIT).await;
    }
    for part in ["etcd-1", "sentinel-1"] {
        stack.loses(part, Failure::Killed, SPARE_LIMIT).await;
    }
    for failure in [Failure::Killed, Failure::Unreachable] {
        stack.loses_redis_master(failure).await;
    }
    stack.loses_standby().await;
    for failure in [Failure::Killed, Failure::Unreachable] {
        stack.loses_primary(failure).await;
    }
    stack.ended_credentials_are_refused().await;
}

/// How a part is lost.
#[derive(Clone, Copy, Debug)]
enum Failure {
    /// The container is killed, and started again.
    Killed,
    /// The container runs on; packets from and to it are dropped.
    Unreachable,
}

impl Failure {
    async fn begin(self, stack: &Stack, part: &str) {
        match self {
            Self::Killed => drop(stack.compose(&["kill", part]).await),
            Self::Unreachable => stack.cut_network(part).await,
        }
    }

    async fn end(self, stack: &Stack, part: &str) {
        match self {
            Self::Killed => drop(stack.compose(&["start", part]).await),
            Self::Unreachable => stack.restore_network(part).await,
        }
    }
}

/// The running stack.
struct Reference {
    compose: Stack,
    door: Door,
    ended: Vec<(Instant, Credential)>,
    _directory: TempDir,
}

impl Reference {
    async fn start() -> Self {
        let compose = Stack::new("holdfast-ha-test", "deploy/ha/docker-compose.yml");
        compose.compose(&["down", "--volumes"]).await;
        let directory = tempfile::tempdir().unwrap();
        unix::fs::symlink(root().join("proto"), directory.path().join("proto")).unwrap();
        fs::create_dir_all(directory.path().join("deploy/ha")).unwrap();
        let mut environment = compose.environment();
        for (name, value) in &mut environment {
            if name == "PATH" {
                *value = shell::path_with_grpcurl(value);
            }
        }
        let mut steps = documented_start();
        let mut add = |command: String| {
            steps.push(Step {
                command,
                expected: String::new(),
            });
        };
        add("echo \"$PASSWORD\" > password".to_owned());
        for account in accounts() {
            add(format!(
                "echo \"$PASSWORD\" | docker compose exec -T auth-1 auth-service user add {account} --password-stdin > /dev/null"
            ));
        }
        shell::run(&steps, directory.path(), &environment).await;
        let files = directory.path().join("deploy/ha");
        let password = fs::read_to_string(files.join("password")).unwrap();
        let site = Site {
            origin: "https://localhost:8443".to_owned(),
            ca_file: files.join("ca.pem"),
            password: password.trim().to_owned(),
        };
        let stack = Self {
            compose,
            door: Door::new(site),
            ended: Vec::new(),
            _directory: directory,
        };
        stack.has_synchronous_standby().await;
        stack
    }

    /// Every instance is replaced, and no request fails.
    async fn is_upgraded(&mut self) {
        let report = self.examine("rolling-upgrade", async |stack| {
            let script = root().join("deploy/ha/rolling-upgrade");
            let upgrade = Command::new(script).envs(stack.environment()).output();
            let output = upgrade.await.unwrap();
            let printed = String::from_utf8_lossy(&output.stdout);
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{printed}{errors}");
        });
        report.await.assert_none_failed();
    }

    /// A part fails, and is there again.
    async fn loses(&mut self, part: &str, failure: Failure, limit: Duration) {
        let what = format!("{part} {failure:?}");
        let report = self.examine(&what, async |stack| {
            failure.begin(stack, part).await;
            sleep(ABSENCE).await;
            failure.end(stack, part).await;
            stack.healthy(part).await;
        });
        report.await.assert_within(limit);
    }

    async fn loses_redis_master(&mut self, failure: Failure) {
        let what = format!("{REDIS_MASTER} {failure:?}");
        let report = self.examine(&what, async |stack| {
            let master = redis_master(stack).await;
            failure.begin(stack, &master).await;
            until_within(RETURN_LIMIT, "the failover of Redis", async || {
                (redis_master(stack).await != master).then_some(())
            })
            .await;
            failure.end(stack, &master).await;
            stack.healthy(&master).await;
        });
        report.await.assert_within(REDIS_LIMIT);
    }

    async fn loses_standby(&mut self) {
        let standby = self.servers().await.1;
        self.loses(&standby, Failure::Killed, SPARE_LIMIT * 2).await;
        self.has_synchronous_standby().await;
    }

    async fn loses_primary(&mut self, failure: Failure) {
        let (primary, standby) = self.servers().await;
        let what = format!("primary {failure:?}");
        let report = self.examine(&what, async |stack| {
            failure.begin(stack, &primary).await;
            until_within(RETURN_LIMIT, "the failover of PostgreSQL", async || {
                (members(stack, &standby).await?.0 == standby).then_some(())
            })
            .await;
            sleep(ABSENCE * 2).await;
            failure.end(stack, &primary).await;
        });
        report.await.assert_within(DATABASE_LIMIT);
        self.has_synchronous_standby().await;
    }

    /// Lets something happen while clients work; fails if their history is not correct.
    async fn examine(&mut self, what: &str, act: impl AsyncFnOnce(&Stack)) -> Report {
        let clients = Clients::start(CROWD, std::slice::from_ref(&self.door), &accounts());
        sleep(CALM).await;
        let failed_at = Instant::now();
        act(&self.compose).await;
        sleep(CALM).await;
        let history = clients.finish().await;
        self.ended.extend(history.ended());
        let events = history.events();
        // With one replica a failover of Redis can lose sessions.
        let (lost, events) = if what.starts_with(REDIS_MASTER) {
            without_lost_sessions(events)
        } else {
            (Vec::new(), events)
        };
        let report = Report::new(what, &events, failed_at);
        let report = report.with_lost_sessions(&lost, &events, failed_at);
        println!("{report}");
        let violations = violations(&events, BOUND);
        assert!(violations.is_empty(), "{what}: {}", violations.join("\n"));
        report
    }

    async fn ended_credentials_are_refused(&self) {
        let ended = self.ended.iter().filter(|(at, _)| at.elapsed() > BOUND);
        let mut refused = 0;
        for (_, credential) in ended {
            let answer = present(&self.door, credential).await;
            assert!(
                matches!(answer, Answer::Refused(_)),
                "{answer:?}: {credential:?} of an ended login"
            );
            refused += 1;
        }
        assert!(refused > 0);
    }

    /// The names of the primary and of the standby.
    async fn servers(&self) -> (String, String) {
        until("the servers", async || {
            let (primary, standby) = members(&self.compose, "postgres-1").await?;
            Some((primary, standby?))
        })
        .await
    }

    async fn has_synchronous_standby(&self) {
        until_within(RETURN_LIMIT, "a synchronous standby", async || {
            members(&self.compose, "postgres-1").await?.1.map(drop)
        })
        .await;
    }
}

/// The primary and the synchronous standby, as the Patroni of a server names them.
async fn members(stack: &Stack, asked: &str) -> Option<(String, Option<String>)> {
    let list = ["patronictl", "-c", "/etc/patroni", "list", "-f", "json"];
    let list = stack.try_exec(asked, &list).await?;
    let members: Vec<Value> = serde_json::from_str(&list).ok()?;
    let name = |role: &str| {
        let mut members = members.iter();
        let member = members.find(|member| member["Role"] == role)?;
        member["Member"].as_str().map(str::to_owned)
    };
    Some((name("Leader")?, name("Sync Standby")))
}

/// The server that a Sentinel names as the master.
async fn redis_master(stack: &Stack) -> String {
    let ask = "REDISCLI_AUTH=$(cut -d' ' -f2 /etc/holdfast/redis/sentinel.conf) \
               redis-cli -p 26379 sentinel get-master-addr-by-name holdfast";
    until("the name of the Redis master", async || {
        let named = stack.try_exec("sentinel-2", &["sh", "-c", ask]).await?;
        named.lines().next().map(str::to_owned)
    })
    .await
}

fn accounts() -> Vec<String> {
    (0..ACCOUNTS)
        .map(|number| format!("user-{number}"))
        .collect()
}

/// The commands of the section "Start" of the README.
fn documented_start() -> Vec<Step> {
    let text = fs::read_to_string(root().join("deploy/ha/README.md")).unwrap();
    let (_, rest) = text.split_once("\n## Start\n").unwrap();
    let steps = shell::steps(rest.split("\n## ").next().unwrap());
    assert!(steps.len() >= 3, "{steps:?}");
    steps
}
