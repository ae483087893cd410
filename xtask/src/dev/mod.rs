//! `cargo dev`: starts both services on this machine, with an account `demo` and an application to sign in to.

mod child;
mod demo_app;
mod secrets;
mod stop;
mod usage;

use std::{
    fs::DirBuilder,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;

use self::{child::Child, demo_app::DemoApp, secrets::Secrets, stop::Stop};
use crate::workspace;

/// Options of `cargo dev`.
#[derive(Args)]
pub(crate) struct Options {
    /// Directory for the database, the certificate and the secrets
    #[arg(long, default_value = ".holdfast")]
    data_dir: PathBuf,
    /// Port of web-service's HTTPS on localhost
    #[arg(long, default_value_t = 8443)]
    web_port: u16,
    /// Port of auth-service's gRPC on localhost
    #[arg(long, default_value_t = 50051)]
    auth_port: u16,
    /// Port of web-service's probes on localhost
    #[arg(long, default_value_t = 9443)]
    web_ops_port: u16,
    /// Port of auth-service's probes on localhost
    #[arg(long, default_value_t = 9051)]
    auth_ops_port: u16,
    /// Port of the demo application on localhost
    #[arg(long, default_value_t = 8444)]
    app_port: u16,
    /// Run the programs in this directory instead of building them
    #[arg(long, hide = true)]
    programs: Option<PathBuf>,
}

impl Options {
    fn issuer(&self) -> String {
        format!("https://localhost:{}", self.web_port)
    }

    /// Checks that all ports are free: a service of an earlier start would answer in place of the new one.
    fn check_ports(&self) -> anyhow::Result<()> {
        for (flag, port) in [
            ("--web-port", self.web_port),
            ("--auth-port", self.auth_port),
            ("--web-ops-port", self.web_ops_port),
            ("--auth-ops-port", self.auth_ops_port),
            ("--app-port", self.app_port),
        ] {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| {
                format!("port {port} cannot be used; choose another with {flag}")
            })?;
        }
        Ok(())
    }
}

/// Starts both services and prints how to use them. Stops both at Ctrl-C, when the terminal is closed, or when one fails.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    options.check_ports()?;
    let programs = options
        .programs
        .clone()
        .map_or_else(workspace::build_services, Ok)?;
    create_directory(&options.data_dir)?;
    let secrets = Secrets::create_missing(&options.data_dir)?;
    let stop = Stop::listen()?;

    let account = secrets.ensure_account(&programs, &options.data_dir)?;
    demo_app::register(&programs, &options.data_dir)?;
    let app = DemoApp::new(
        options.app_port,
        options.issuer(),
        &options.data_dir.join("ca.pem"),
    );
    let app_listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, options.app_port));
    let app_listener = app_listener.await.context("the port of --app-port")?;
    let mut auth = auth_service(&programs, &options, &secrets)?;
    let mut web = None;
    let outcome = tokio::select! {
        failed = async {
            auth.ready(&programs).await?;
            let web = web.insert(web_service(&programs, &options, &secrets)?);
            tokio::select! {
                ready = web.ready(&programs) => ready?,
                error = auth.failed() => return Err(error),
            }
            usage::print(&options, &account);
            tokio::select! {
                error = auth.failed() => Err(error),
                error = web.failed() => Err(error),
                stopped = app.serve(app_listener) => stopped,
            }
        } => failed,
        () = stop.requested() => Ok(()),
    };
    let web = async {
        if let Some(web) = web {
            web.stop().await;
        }
    };
    tokio::join!(web, auth.stop());
    outcome
}

fn auth_service(programs: &Path, options: &Options, secrets: &Secrets) -> anyhow::Result<Child> {
    let settings = [
        ("AUTH_LISTEN", localhost(options.auth_port)),
        ("AUTH_OPS_LISTEN", localhost(options.auth_ops_port)),
        ("AUTH_DATA_DIR", options.data_dir.display().to_string()),
        ("AUTH_ISSUER", options.issuer()),
        (
            "AUTH_KEY_ENCRYPTION_KEY_FILE",
            secrets.key_encryption_key_file(),
        ),
        ("AUTH_SERVICE_SECRET_FILE", secrets.service_secret_file()),
        ("AUTH_REFLECTION", "true".to_owned()),
    ];
    Child::start("auth-service", programs, settings)
}

fn web_service(programs: &Path, options: &Options, secrets: &Secrets) -> anyhow::Result<Child> {
    let settings = [
        ("WEB_LISTEN", localhost(options.web_port)),
        ("WEB_OPS_LISTEN", localhost(options.web_ops_port)),
        ("WEB_DATA_DIR", options.data_dir.display().to_string()),
        (
            "WEB_AUTH_URL",
            format!("http://127.0.0.1:{}", options.auth_port),
        ),
        ("WEB_AUTH_SECRET_FILE", secrets.service_secret_file()),
        ("WEB_SECRET_KEY_FILE", secrets.web_secret_key_file()),
        ("WEB_SESSION_STORE", "memory".to_owned()),
    ];
    Child::start("web-service", programs, settings)
}

fn localhost(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn create_directory(directory: &Path) -> anyhow::Result<()> {
    let created = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory);
    created.with_context(|| format!("cannot create the data directory {}", directory.display()))?;
    let probe = directory.join(".writable");
    match std::fs::write(&probe, "").and_then(|()| std::fs::remove_file(&probe)) {
        Ok(()) => Ok(()),
        Err(why) => bail!(
            "the data directory {} cannot be written: {why}",
            directory.display()
        ),
    }
}
