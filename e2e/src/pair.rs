//! A pair of auth-service and web-service as deployed: two processes, a database file, a data directory.

use std::{net::SocketAddr, path::Path, sync::Arc};

use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    instructions, port,
    program::{Program, built, run},
    site::Site,
};

/// The password of every account that [`Pair::add_user`] creates.
pub const PASSWORD: &str = "correct horse battery staple";

/// The service secret, by which web-service authenticates to auth-service.
pub const SERVICE_SECRET: &str = "SzM1q8VbE2xYw7RkT0nLd5HcJf9GpA4u";

/// The key-encryption key of auth-service, in base64.
pub const KEY_ENCRYPTION_KEY: &str = "nzWJ5mJ7v0qZf3Yt8kQb1sXh6cLr2dGa9uEoPiVxMwE=";

/// `WEB_SECRET_KEY` of web-service, in base64.
pub const SECRET_KEY: &str = "Qm9yZ2VsZG8xN3Z4TTRrTDl3UmZIMnRQYzZZc0RqQTg=";

/// Further settings of auth-service that its commands need, too.
const SETTINGS_OF_COMMANDS: [&str; 2] = ["AUTH_DATABASE_URL", "AUTH_ID_TOKEN_ALGORITHMS"];

/// Settings of a pair beyond the common ones. A setting with an empty value is removed.
#[derive(Clone, Default)]
pub struct Options {
    /// Further settings of web-service.
    pub web: Vec<(&'static str, String)>,
    /// Further settings of auth-service.
    pub auth: Vec<(&'static str, String)>,
}

/// A running pair.
pub struct Pair {
    /// The process of auth-service.
    pub auth: Program,
    /// The process of web-service.
    pub web: Program,
    /// Address of the gRPC port.
    pub auth_address: SocketAddr,
    /// Address of the HTTPS port.
    pub web_address: SocketAddr,
    /// web-service as its clients see it.
    pub site: Site,
    /// The data directory of both services.
    pub directory: Arc<TempDir>,
    /// The settings with which the services are started again.
    pub options: Options,
}

impl Pair {
    /// Starts a pair with sessions in memory.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// Starts a pair with these settings.
    pub async fn start_with(options: Options) -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let port = port::free();
        let mut options = options;
        // As deployed: the issuer is the public URL of web-service.
        options
            .auth
            .insert(0, ("AUTH_ISSUER", format!("https://localhost:{port}")));
        let (auth, auth_address) = start_auth(directory.path(), &listen(), &options).await;
        let listen = format!("127.0.0.1:{port}");
        let (web, web_address) = start_web(directory.path(), &listen, auth_address, &options).await;
        let site = Site {
            origin: format!("https://localhost:{}", web_address.port()),
            ca_file: directory.path().join("ca.pem"),
            password: PASSWORD.to_owned(),
        };
        Self {
            auth,
            web,
            auth_address,
            web_address,
            site,
            directory,
            options,
        }
    }

    /// Starts another web-service beside the first, with the same secrets and settings.
    pub async fn another_web(&self) -> (Program, Site) {
        let (web, address) = self.another_web_at().await;
        let site = Site {
            origin: format!("https://localhost:{}", address.port()),
            ca_file: self.directory.path().join("another/ca.pem"),
            password: PASSWORD.to_owned(),
        };
        (web, site)
    }

    /// Starts another web-service beside the first, for clients that reach it through a balancer.
    pub async fn another_web_at(&self) -> (Program, SocketAddr) {
        let directory = self.directory.path().join("another");
        std::fs::create_dir(&directory).unwrap();
        start_web(&directory, &listen(), self.auth_address, &self.options).await
    }

    /// Starts another web-service without TLS, whose clients are not trusted proxies.
    pub async fn another_web_without_tls(&self) -> (Program, SocketAddr) {
        let directory = self.directory.path().join("without-tls");
        std::fs::create_dir(&directory).unwrap();
        let mut options = self.options.clone();
        options.web.extend([
            ("WEB_TLS", "off".to_owned()),
            ("WEB_TRUSTED_PROXIES", "192.0.2.1".to_owned()),
            ("WEB_PUBLIC_URL", self.site.origin.clone()),
        ]);
        start_web(&directory, &listen(), self.auth_address, &options).await
    }

    /// Starts another web-service without TLS under callgrind.
    pub async fn another_web_counted(&self) -> (Program, SocketAddr) {
        let directory = self.directory.path().join("counted");
        std::fs::create_dir(&directory).unwrap();
        let mut options = self.options.clone();
        options.web.extend([
            ("WEB_TLS", "off".to_owned()),
            ("WEB_TRUSTED_PROXIES", "127.0.0.1".to_owned()),
            ("WEB_PUBLIC_URL", self.site.origin.clone()),
        ]);
        let mut command = instructions::counted(&built("web-service"), &directory);
        let listen = listen();
        configure_web(
            &mut command,
            &directory,
            &listen,
            self.auth_address,
            &options,
        );
        listening(Program::start(&mut command)).await
    }

    /// Starts another auth-service beside the first, on the same database.
    pub async fn another_auth(&self) -> (Program, SocketAddr) {
        start_auth(self.directory.path(), &listen(), &self.options).await
    }

    /// Stops web-service and starts it again on the same port.
    pub async fn restart_web(&mut self) {
        self.web.signal(rustix::process::Signal::TERM);
        assert!(self.web.exit().await.success());
        self.start_web_again().await;
    }

    /// Starts web-service again on the same port, after it was stopped.
    pub async fn start_web_again(&mut self) {
        let listen = self.web_address.to_string();
        let (web, _) = start_web(
            self.directory.path(),
            &listen,
            self.auth_address,
            &self.options,
        )
        .await;
        self.web = web;
    }

    /// Starts auth-service again on the same port, after it was stopped.
    pub async fn start_auth_again(&mut self) {
        let listen = self.auth_address.to_string();
        self.auth = start_auth(self.directory.path(), &listen, &self.options)
            .await
            .0;
    }

    /// The command `doctor --json` of a service, with the settings of the running one.
    #[must_use]
    pub fn doctor(&self, service: &str) -> Command {
        let mut command = Command::new(built(service));
        command.args(["doctor", "--json"]);
        let directory = self.directory.path();
        if service == "auth-service" {
            let listen = self.auth_address.to_string();
            configure_auth(&mut command, directory, &listen, &self.options);
        } else {
            let listen = self.web_address.to_string();
            let auth = self.auth_address;
            configure_web(&mut command, directory, &listen, auth, &self.options);
        }
        command
    }

    /// The status of `/readyz` on the ops port of web-service.
    pub async fn ready_web(&mut self) -> u16 {
        self.readiness_of_web().await.0
    }

    /// The status and the text of `/readyz` on the ops port of web-service.
    pub async fn readiness_of_web(&mut self) -> (u16, String) {
        let url = format!("http://{}/readyz", self.web.ops_address().await);
        let answer = self.site.client().get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Creates an account with the command line, beside the running service.
    pub async fn add_user(&self, name: &str, flags: &[&str]) {
        let arguments = [&["user", "add", name, "--password-stdin"], flags].concat();
        self.command(&arguments, PASSWORD).await;
    }

    /// Runs a command of auth-service beside the running service and returns its output; panics when it fails.
    pub async fn command(&self, arguments: &[&str], input: &str) -> String {
        let (success, output) = self.run(arguments, input).await;
        assert!(success, "{output}");
        output
    }

    /// Runs a command of auth-service beside the running service.
    ///
    /// # Errors
    /// The output, when the command fails.
    pub async fn try_command(&self, arguments: &[&str]) -> Result<String, String> {
        let (success, output) = self.run(arguments, "").await;
        if success { Ok(output) } else { Err(output) }
    }

    async fn run(&self, arguments: &[&str], input: &str) -> (bool, String) {
        let mut settings = vec![("AUTH_DATA_DIR", self.directory.path())];
        let shared = self.options.auth.iter();
        let shared = shared.filter(|(name, _)| SETTINGS_OF_COMMANDS.contains(name));
        settings.extend(shared.map(|(name, value)| (*name, Path::new(value))));
        run("auth-service", arguments, &settings, input).await
    }
}

async fn start_auth(directory: &Path, listen: &str, options: &Options) -> (Program, SocketAddr) {
    let mut command = Command::new(built("auth-service"));
    configure_auth(&mut command, directory, listen, options);
    listening(Program::start(&mut command)).await
}

fn configure_auth(command: &mut Command, directory: &Path, listen: &str, options: &Options) {
    command
        .env("AUTH_LISTEN", listen)
        .env("AUTH_OPS_LISTEN", "127.0.0.1:0")
        .env("AUTH_DATA_DIR", directory)
        .env("AUTH_KEY_ENCRYPTION_KEY", KEY_ENCRYPTION_KEY)
        .env("AUTH_SERVICE_SECRET", SERVICE_SECRET)
        .env("AUTH_REFLECTION", "true")
        .env("AUTH_LOG_FORMAT", "json");
    set(command, &options.auth);
}

async fn start_web(
    directory: &Path,
    listen: &str,
    auth: SocketAddr,
    options: &Options,
) -> (Program, SocketAddr) {
    let mut command = Command::new(built("web-service"));
    configure_web(&mut command, directory, listen, auth, options);
    listening(Program::start(&mut command)).await
}

fn configure_web(
    command: &mut Command,
    directory: &Path,
    listen: &str,
    auth: SocketAddr,
    options: &Options,
) {
    command
        .env("WEB_LISTEN", listen)
        .env("WEB_OPS_LISTEN", "127.0.0.1:0")
        .env("WEB_DATA_DIR", directory)
        .env("WEB_AUTH_URL", auth_url(auth, options))
        .env("WEB_AUTH_SECRET", SERVICE_SECRET)
        .env("WEB_SECRET_KEY", SECRET_KEY)
        .env("WEB_LOG_FORMAT", "json");
    set(command, &options.web);
}

fn listen() -> String {
    format!("127.0.0.1:{}", port::free())
}

fn auth_url(address: SocketAddr, options: &Options) -> String {
    if options
        .auth
        .iter()
        .any(|(name, _)| *name == "AUTH_TLS_CERT")
    {
        format!("https://localhost:{}", address.port())
    } else {
        format!("http://{address}")
    }
}

fn set(command: &mut Command, settings: &[(&'static str, String)]) {
    for (name, value) in settings {
        if value.is_empty() {
            command.env_remove(name);
        } else {
            command.env(name, value);
        }
    }
}

/// Starts a bare handler under callgrind, the baseline for the instructions of web-service.
pub async fn bare_counted(directory: &Path) -> (Program, SocketAddr) {
    let mut command = instructions::counted(&built("bare"), directory);
    listening(Program::start(&mut command)).await
}

async fn listening(mut program: Program) -> (Program, SocketAddr) {
    let line = program.logged("listening").await;
    let address = line["address"].as_str().unwrap().parse().unwrap();
    (program, address)
}
