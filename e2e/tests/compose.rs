//! The stack of `docker-compose.yml`: built, started, run through failures of each service, and removed. A test program of its own,
//! as it uses the ports that the documentation names.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop, and this one prints what it measured"
)]

use std::{fs, os::unix, path::Path, time::Duration, time::Instant};

use e2e::{
    compose::{Stack, root},
    flood, process,
    shell::{self, Step},
    site::Site,
    wait::until,
};
use serde_json::Value;
use tempfile::TempDir;

const GRPC: &str = "localhost:50051";
const SERVICES: [&str; 2] = ["auth-service", "web-service"];

/// In KiB.
const MAX_IDLE_MEMORY: u64 = 40 * 1024;
const MAX_FLOOD_MEMORY: u64 = 250 * 1024;

const MAX_START: Duration = Duration::from_millis(300);
const MAX_REJECTION: Duration = Duration::from_secs(2);

/// How long caches may be used after a peer hangs, with a margin for a busy machine.
const MAX_CACHE_USE: Duration = Duration::from_secs(6);
const MAX_STOP: Duration = Duration::from_secs(10);

#[tokio::test]
async fn stack_with_failures_of_each_service_recovers() {
    let deployment = Deployment::start().await;
    deployment.every_service_is_confined().await;
    deployment.memory_and_start_time_are_within_limits().await;
    let ada = deployment.sign_in().await;
    deployment.auth_service_is_killed(&ada).await;
    deployment.redis_is_killed(&ada).await;
    deployment.redis_is_paused(&ada).await;
    deployment.redis_is_cut_off(&ada).await;
    deployment.web_service_is_replaced(&ada).await;
    deployment
        .flood_of_sign_ins_stays_within_memory_limit()
        .await;
    deployment.a_backup_is_restored(&ada).await;
    deployment.stack_is_restored_on_an_empty_machine().await;
    deployment.stop_leaves_nothing().await;
}

/// A running stack, and the directory and environment of the shell that operates it.
struct Deployment {
    stack: Stack,
    directory: TempDir,
    environment: Vec<(String, String)>,
    site: Site,
}

/// A signed-in browser and a signed-in API client.
struct Ada {
    cookie: String,
    access_token: String,
    refresh_token: String,
}

impl Deployment {
    /// Runs the commands of docs/OPERATIONS.md that start the stack and create an account.
    async fn start() -> Self {
        let stack = Stack::new("holdfast-test", "docker-compose.yml");
        let directory = tempfile::tempdir().unwrap();
        unix::fs::symlink(root().join("proto"), directory.path().join("proto")).unwrap();
        let mut environment = stack.environment();
        for (name, value) in &mut environment {
            if name == "PATH" {
                *value = shell::path_with_grpcurl(value);
            }
        }
        stack.compose(&["down", "--volumes"]).await;
        let mut steps = documented("Start");
        steps.push(Step {
            command: "echo \"$PASSWORD\" > password".to_owned(),
            expected: String::new(),
        });
        shell::run(&steps, directory.path(), &environment).await;
        let password = fs::read_to_string(directory.path().join("password")).unwrap();
        Self {
            site: Site {
                origin: "https://localhost:8443".to_owned(),
                ca_file: directory.path().join("ca.pem"),
                password: password.trim().to_owned(),
            },
            stack,
            directory,
            environment,
        }
    }

    async fn every_service_is_confined(&self) {
        for service in ["redis", "auth-service", "web-service"] {
            let confined = "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}}";
            let confined = self.stack.inspect(service, confined).await;
            assert_eq!(confined, "true [ALL] [no-new-privileges:true]", "{service}");
            let status = process_status(self.stack.pid(service).await);
            assert!(!status.contains("Uid:\t0\t"), "{service}: {status}");
            assert!(status.contains("CapEff:\t0000000000000000"), "{service}");
            assert!(status.contains("NoNewPrivs:\t1"), "{service}");
        }
        let published = "{{range .NetworkSettings.Ports}}{{range .}}{{.HostIp}} {{end}}{{end}}";
        assert_eq!(self.stack.inspect("redis", published).await, "");
        for service in SERVICES {
            let published = self.stack.inspect(service, published).await;
            assert_eq!(published, "127.0.0.1", "{service}");
        }
        for service in SERVICES {
            let environment = self.stack.inspect(service, "{{.Config.Env}}").await;
            for secret in ["KEY=", "SECRET=", "redis://"] {
                assert!(!environment.contains(secret), "{service}: {environment}");
            }
        }
    }

    async fn memory_and_start_time_are_within_limits(&self) {
        for service in SERVICES {
            self.stack.compose(&["restart", service]).await;
            self.stack.healthy(service).await;
            let memory = process::memory(self.stack.pid(service).await);
            let ready = self.time_to_listen(service).await;
            println!(
                "{service}: {} KiB when idle, listens after {ready:?}",
                memory.resident
            );
            assert!(memory.resident < MAX_IDLE_MEMORY, "{service}: {memory:?}");
            assert!(ready < MAX_START, "{service}: {ready:?}");
        }
    }

    /// Time from the start of the process, according to the kernel, to its log line; both on one clock.
    async fn time_to_listen(&self, service: &str) -> Duration {
        let logs = self.stack.logs(service).await;
        let mut lines = logs.lines();
        let line = lines.rfind(|line| line.contains("\"listening\"")).unwrap();
        let line: Value = serde_json::from_str(&line[line.find('{').unwrap()..]).unwrap();
        let listening = line["timestamp"].as_str().unwrap();
        let started = self.stack.inspect(service, "{{.State.StartedAt}}").await;
        since(listening).saturating_sub(since(&started))
    }

    async fn sign_in(&self) -> Ada {
        let login = self.site.api_login("ada", &self.site.password).await;
        let tokens: Value = login.json().await.unwrap();
        Ada {
            cookie: self.site.form_login("ada").await,
            access_token: tokens["access_token"].as_str().unwrap().to_owned(),
            refresh_token: tokens["refresh_token"].as_str().unwrap().to_owned(),
        }
    }

    async fn auth_service_is_killed(&self, ada: &Ada) {
        self.stack.compose(&["kill", "auth-service"]).await;
        for _ in 0..3 {
            self.is_refused_in_time("/dashboard", ada).await;
            self.is_refused_in_time("/api/profile", ada).await;
        }
        self.stack.compose(&["start", "auth-service"]).await;
        self.is_back(ada).await;
    }

    async fn redis_is_killed(&self, ada: &Ada) {
        self.stack.compose(&["kill", "redis"]).await;
        self.sessions_are_away(ada).await;
        self.stack.compose(&["start", "redis"]).await;
        self.is_back(ada).await;
    }

    async fn redis_is_paused(&self, ada: &Ada) {
        self.stack.compose(&["pause", "redis"]).await;
        self.sessions_are_away(ada).await;
        self.stack.compose(&["unpause", "redis"]).await;
        self.is_back(ada).await;
    }

    async fn redis_is_cut_off(&self, ada: &Ada) {
        let redis = self.stack.container("redis").await;
        let network = "holdfast-test_sessions";
        self.stack
            .docker(&["network", "disconnect", network, &redis])
            .await;
        self.sessions_are_away(ada).await;
        self.stack
            .docker(&["network", "connect", "--alias", "redis", network, &redis])
            .await;
        self.is_back(ada).await;
    }

    /// Requests continue during the replacement. Some connections are refused; every response is correct.
    async fn web_service_is_replaced(&self, ada: &Ada) {
        let before = self.stack.container("web-service").await;
        let replace = self.stack.compose(&[
            "up",
            "--detach",
            "--no-deps",
            "--force-recreate",
            "web-service",
        ]);
        tokio::pin!(replace);
        let mut answers = Vec::new();
        loop {
            tokio::select! {
                biased;
                _ = &mut replace => break,
                answer = self.try_get("/dashboard", ada) => answers.extend(answer),
            }
        }
        self.is_back(ada).await;
        assert_ne!(self.stack.container("web-service").await, before);
        assert!(answers.len() > 10, "requests ran meanwhile: {answers:?}");
        // The first requests may arrive before the new process is connected to its peers.
        let all_well = answers.iter().all(|status| [200, 503].contains(status));
        assert!(all_well, "{answers:?}");
    }

    async fn flood_of_sign_ins_stays_within_memory_limit(&self) {
        let outcome = flood::run(GRPC, "ada", &self.site.password).await;
        let memory = process::memory(self.stack.pid("auth-service").await);
        let times = &outcome.validations;
        println!(
            "of {} sign-ins {} were served and {} refused; {} validations meanwhile, median {:?}, longest {:?}; {} KiB at most",
            flood::LOGINS,
            outcome.served,
            outcome.refused,
            times.len(),
            times[times.len() / 2],
            times.last().unwrap(),
            memory.peak,
        );
        assert!(outcome.others.is_empty(), "{:?}", outcome.others);
        assert!(memory.peak < MAX_FLOOD_MEMORY, "{memory:?}");
        assert!(times.last().unwrap().as_secs() < 1, "{times:?}");
    }

    /// Runs the commands of docs/OPERATIONS.md. Accounts are restored, and logins are not.
    async fn a_backup_is_restored(&self, ada: &Ada) {
        self.follow("Backup").await;
        let copy = fs::read(self.directory.path().join("auth-backup.db")).unwrap();
        assert!(copy.starts_with(b"SQLite format 3\0"));

        self.follow("Restore").await;

        let login = self.site.api_login("ada", &self.site.password).await;
        assert_eq!(login.status(), 200);
        let session = self.site.get("/dashboard", &ada.cookie).await;
        assert_eq!(session.status(), 303, "a restored database ends all logins");
        let request = self.site.client().post(self.site.url("/api/refresh"));
        let body = serde_json::json!({"refresh_token": ada.refresh_token});
        let refused = request.json(&body).send().await.unwrap();
        assert_eq!(refused.status(), 401);
        let refused: Value = refused.json().await.unwrap();
        assert_eq!(refused["reason"], "LOGIN_ENDED");
    }

    /// Restores the backup with empty volumes.
    async fn stack_is_restored_on_an_empty_machine(&self) {
        self.stack.compose(&["down", "--volumes"]).await;
        self.follow("Restore").await;
        let exec = ["exec", "-T", "web-service", "cat"];
        let authority = [exec.as_slice(), &["/var/lib/holdfast/ca.pem"]].concat();
        fs::write(&self.site.ca_file, self.stack.compose(&authority).await).unwrap();
        let login = self.site.api_login("ada", &self.site.password).await;
        assert_eq!(login.status(), 200);
    }

    async fn follow(&self, section: &str) {
        let (steps, directory) = (documented(section), self.directory.path());
        shell::run(&steps, directory, &self.environment).await;
    }

    async fn stop_leaves_nothing(&self) {
        for service in ["web-service", "auth-service"] {
            let begun = Instant::now();
            self.stack.compose(&["stop", service]).await;
            assert!(begun.elapsed() < MAX_STOP, "{:?}", begun.elapsed());
            let exit = self
                .stack
                .compose(&["ps", "--quiet", "--all", service])
                .await;
            let code = ["inspect", "--format", "{{.State.ExitCode}}", &exit];
            assert_eq!(self.stack.docker(&code).await, "0", "{service}");
        }
        self.stack.compose(&["down", "--volumes"]).await;
        assert_eq!(self.stack.remains().await, "");
    }

    /// Cookies are answered 503, without a sign-out; access tokens stay valid.
    async fn sessions_are_away(&self, ada: &Ada) {
        for _ in 0..3 {
            self.is_refused_in_time("/dashboard", ada).await;
        }
        assert_eq!(self.try_get("/api/profile", ada).await, Some(200));
    }

    /// After the time for which caches may be used: a peer that hangs is not detected at once.
    async fn is_refused_in_time(&self, path: &str, ada: &Ada) {
        let away = Instant::now();
        let (response, took) = loop {
            let begun = Instant::now();
            let response = self.request(path, ada).send().await.unwrap();
            let is_remembered = response.status() == 200 && away.elapsed() < MAX_CACHE_USE;
            if !is_remembered {
                break (response, begun.elapsed());
            }
        };
        assert_eq!(response.status(), 503, "{path}");
        assert!(response.headers().contains_key("retry-after"), "{path}");
        assert!(response.headers().get("set-cookie").is_none(), "{path}");
        assert!(took < MAX_REJECTION, "{path}: {took:?}");
    }

    /// Waits until the same cookie and the same token are accepted again.
    async fn is_back(&self, ada: &Ada) {
        let begun = Instant::now();
        until("everything to be back", async || {
            let dashboard = self.try_get("/dashboard", ada).await;
            let profile = self.try_get("/api/profile", ada).await;
            (dashboard == Some(200) && profile == Some(200)).then_some(())
        })
        .await;
        println!("back after {:?}", begun.elapsed());
    }

    /// The status, or nothing when the connection fails.
    async fn try_get(&self, path: &str, ada: &Ada) -> Option<u16> {
        let response = self.request(path, ada).send().await.ok()?;
        Some(response.status().as_u16())
    }

    fn request(&self, path: &str, ada: &Ada) -> reqwest::RequestBuilder {
        let request = self.site.client().get(self.site.url(path));
        if path.starts_with("/api") {
            request.bearer_auth(&ada.access_token)
        } else {
            request.header("cookie", &ada.cookie)
        }
    }
}

/// The commands of one section of docs/OPERATIONS.md.
fn documented(section: &str) -> Vec<Step> {
    let text = fs::read_to_string(root().join("docs/OPERATIONS.md")).unwrap();
    let (_, rest) = text.split_once(&format!("\n## {section}\n")).unwrap();
    let steps = shell::steps(rest.split("\n## ").next().unwrap());
    assert!(steps.len() >= 3, "{steps:?}");
    steps
}

fn process_status(pid: i32) -> String {
    fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).unwrap()
}

/// The time of day in RFC 3339, as time since midnight.
fn since(timestamp: &str) -> Duration {
    let (_, time) = timestamp.split_once('T').unwrap();
    let parts: Vec<f64> = time
        .trim_end_matches('Z')
        .split(':')
        .map(|part| part.parse().unwrap())
        .collect();
    Duration::from_secs_f64(parts[0] * 3600.0 + parts[1] * 60.0 + parts[2])
}
