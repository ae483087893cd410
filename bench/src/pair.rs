//! Both services and what they need.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    cores, free_port,
    http::{PASSWORD, cookie_of, curl, status},
    process::Server,
    redis, scratch,
    web::Web,
};

pub(super) const SECRET: &str = "SzM1q8VbE2xYw7RkT0nLd5HcJf9GpA4u";

/// What the services are started on: ports, an empty directory, a Redis.
pub(super) struct Ground {
    pub(super) programs: PathBuf,
    directory: PathBuf,
    pub(super) tls: bool,
    grpc: u16,
    auth_ops: u16,
    https: u16,
    redis: Server,
    pub(super) redis_port: u16,
}

impl Ground {
    pub(super) fn new(programs: &Path, tls: bool) -> anyhow::Result<Self> {
        let (redis, redis_port) = redis::start()?;
        Ok(Self {
            programs: programs.to_owned(),
            directory: scratch()?.join("data"),
            tls,
            grpc: free_port()?,
            auth_ops: free_port()?,
            https: free_port()?,
            redis,
            redis_port,
        })
    }

    pub(super) fn auth_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.grpc)
    }

    pub(super) fn redis_url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.redis_port)
    }

    pub(super) const fn redis(&self) -> &Server {
        &self.redis
    }

    pub(super) fn into_redis(self) -> Server {
        self.redis
    }

    /// The program of our own, as it speaks to auth-service.
    pub(super) fn load(&self, command: &str) -> Command {
        own_load(&self.programs, command, &self.auth_url())
    }

    /// As many revocations in the database, which no service has open.
    pub(super) fn fill_revocations(&self, count: u64) -> anyhow::Result<()> {
        let mut command = Command::new(self.programs.join("load"));
        command
            .args(["revocations", "--count", &count.to_string(), "--database"])
            .arg(self.directory.join("auth.db"));
        crate::load::output(&mut command).map(drop)
    }

    /// auth-service, on its way.
    pub(super) fn spawn_auth(&self) -> anyhow::Result<Server> {
        let mut command = Command::new(self.programs.join("auth-service"));
        command
            .env("AUTH_LISTEN", format!("127.0.0.1:{}", self.grpc))
            .env("AUTH_OPS_LISTEN", format!("127.0.0.1:{}", self.auth_ops))
            .env("AUTH_DATA_DIR", &self.directory)
            .env("AUTH_ISSUER", self.public_url())
            .env("AUTH_KEY_ENCRYPTION_KEY", key(7))
            .env("AUTH_SERVICE_SECRET", SECRET)
            .env("AUTH_ACCESS_TTL", "1h")
            .env("AUTH_ARGON2_CONCURRENCY", cores().to_string())
            .env("AUTH_LOG", "warn");
        Server::spawn(&mut command)
    }

    pub(super) fn is_auth_ready(&self) -> bool {
        status(self.auth_ops, "/readyz") == Some(200)
    }

    pub(super) fn auth(&self) -> anyhow::Result<Server> {
        self.spawn_auth()?.ready(|| self.is_auth_ready())
    }

    /// The only web-service, or the first of several.
    pub(super) fn first_web(&self) -> anyhow::Result<Web> {
        Web::spawn(self, self.https, &self.directory)
    }

    /// Another one beside it.
    pub(super) fn another_web(&self) -> anyhow::Result<Web> {
        let port = free_port()?;
        let web = Web::spawn(self, port, &self.directory.join(port.to_string()))?;
        web.ready()
    }

    pub(super) fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    pub(super) fn public_url(&self) -> String {
        format!("https://localhost:{}", self.https)
    }

    /// An account with the usual password, by the command line.
    pub(super) fn add_user(&self, name: &str) -> anyhow::Result<()> {
        use std::io::Write as _;
        let mut child = Command::new(self.programs.join("auth-service"))
            .args(["user", "add", name, "--password-stdin"])
            .env("AUTH_DATA_DIR", &self.directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            writeln!(stdin, "{PASSWORD}")?;
        }
        ensure!(child.wait()?.success(), "no account could be made");
        Ok(())
    }

    /// Those that the program of our own signs in to.
    pub(super) fn add_load_users(&self, count: u8) -> anyhow::Result<()> {
        (0..count).try_for_each(|number| self.add_user(&format!("load{number}")))
    }
}

/// Both services, ready, with an account `ada`.
pub(super) struct Pair {
    pub(super) auth: Server,
    pub(super) web: Web,
    pub(super) ground: Ground,
}

impl Pair {
    pub(super) fn start(programs: &Path, tls: bool) -> anyhow::Result<Self> {
        let ground = Ground::new(programs, tls)?;
        let auth = ground.auth()?;
        // Tokens of a new database's very first second are looked up there, as it might be a restored one.
        thread::sleep(Duration::from_millis(1100));
        ground.add_user("ada")?;
        Ok(Self {
            auth,
            web: ground.first_web()?.ready()?,
            ground,
        })
    }

    /// A session's cookie, from the form as a browser sends it.
    pub(super) fn cookie(&self) -> anyhow::Result<String> {
        let url = format!("{}/login", self.web.origin);
        let page = curl(&[&url])?;
        let login = cookie_of(&page, "__Host-login").context("no sign-in cookie")?;
        let token = page.split("name=\"csrf_token\" value=\"").nth(1);
        let token = token.and_then(|rest| rest.split('"').next());
        let token = token.context("no form token")?;
        let answer = curl(&[
            "--header",
            &format!("Cookie: {login}"),
            "--header",
            "Sec-Fetch-Site: same-origin",
            "--data-urlencode",
            &format!("csrf_token={token}"),
            "--data-urlencode",
            "username=ada",
            "--data-urlencode",
            &format!("password={PASSWORD}"),
            &url,
        ])?;
        cookie_of(&answer, "__Host-session").context("nobody is signed in")
    }

    /// Many distinct access tokens in a file, one on each line.
    pub(super) fn tokens(&self, count: u64) -> anyhow::Result<PathBuf> {
        let file = scratch()?.join("tokens");
        let mut command = self.ground.load("tokens");
        command.args(["--count", &count.to_string(), "--out"]);
        crate::load::output(command.arg(&file))?;
        Ok(file)
    }
}

/// The program of our own, towards any server of `AuthService`.
pub(super) fn own_load(programs: &Path, command: &str, auth_url: &str) -> Command {
    let mut program = Command::new(programs.join("load"));
    program
        .args([command, "--auth", auth_url])
        .env("LOAD_SERVICE_SECRET", SECRET)
        .env("LOAD_PASSWORD", PASSWORD);
    program
}

/// A key that looks random, as the services ask for; another one for each byte.
pub(super) fn key(byte: u8) -> String {
    let mut key = *b"n7Wq2Zf9Yt8kQb1sXh6cLr3dGa5uEoPi";
    key[0] = byte;
    STANDARD.encode(key)
}
