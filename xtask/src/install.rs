//! Programs and packages that the tests and the benchmark need: real servers, a browser, clients of other projects.

mod packages;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{bail, ensure};

pub use self::packages::BenchTools;

/// A program, or the path of a file, and the Debian package that contains it.
type Program = (&'static str, &'static str);

const REDIS: [Program; 2] = [
    ("redis-server", "redis-server"),
    ("redis-cli", "redis-tools"),
];
const CHROMIUM: [Program; 2] = [
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
];
const CURL: [Program; 1] = [("curl", "curl")];
const PROCPS: [Program; 1] = [("pgrep", "procps")];
const CONTAINER_ENGINE: [Program; 6] = [
    ("dockerd", "docker.io"),
    ("docker", "docker.io"),
    ("docker-compose", "docker-compose"),
    ("debootstrap", "debootstrap"),
    ("iptables", "iptables"),
    ("pgrep", "procps"),
];
const PROXIES: [Program; 3] = [
    ("nginx", "nginx-light"),
    ("caddy", "caddy"),
    ("haproxy", "haproxy"),
];
/// The module needs the server without its service, which would listen on port 80.
const APACHE: [Program; 2] = [
    ("apache2", "apache2-bin"),
    (
        "/usr/lib/apache2/modules/mod_auth_openidc.so",
        "libapache2-mod-auth-openidc",
    ),
];
const NODE: [Program; 2] = [("node", "nodejs"), ("npm", "npm")];
const PYTHON: [Program; 1] = [("pip3", "python3-pip")];
const POSTGRES: [Program; 2] = [("pg_lsclusters", "postgresql"), ("pgbouncer", "pgbouncer")];
const PROMETHEUS: [Program; 2] = [("prometheus", "prometheus"), ("promtool", "prometheus")];
const FAKETIME: [Program; 1] = [("faketime", "faketime")];
const VALGRIND: [Program; 1] = [("valgrind", "valgrind")];

const BENCH: [Program; 8] = [
    ("pg_lsclusters", "postgresql"),
    ("redis-server", "redis-server"),
    ("redis-cli", "redis-tools"),
    ("curl", "curl"),
    ("wrk", "wrk"),
    ("h2load", "nghttp2-client"),
    ("npm", "npm"),
    ("pip3", "python3-pip"),
];

/// Something that tests need and that this workspace does not build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// `redis-server` and `redis-cli`.
    Redis,
    /// Chromium with its driver.
    Chromium,
    /// curl.
    Curl,
    /// `pgrep`.
    Procps,
    /// Docker with compose, and what builds base images and cuts networks.
    ContainerEngine,
    /// nginx, Caddy and `HAProxy`.
    Proxies,
    /// Node with gRPC and OAuth clients, and a WebAuthn relying party.
    Node,
    /// Python with gRPC and OAuth clients, and schemathesis.
    Python,
    /// WebAuthn authenticators in Python.
    Webauthn,
    /// Node with OpenID Connect libraries.
    NodeRelyingParties,
    /// Python with OpenID Connect libraries.
    PythonRelyingParties,
    /// Apache with `mod_auth_openidc`.
    Apache,
    /// grpcurl.
    Grpcurl,
    /// PostgreSQL and `PgBouncer`.
    Postgres,
    /// `prometheus` and `promtool`.
    Prometheus,
    /// libfaketime.
    Faketime,
    /// Valgrind.
    Valgrind,
}

impl Tool {
    /// Every tool.
    pub const ALL: [Self; 17] = [
        Self::Redis,
        Self::Chromium,
        Self::Curl,
        Self::Procps,
        Self::ContainerEngine,
        Self::Proxies,
        Self::Node,
        Self::Python,
        Self::Webauthn,
        Self::NodeRelyingParties,
        Self::PythonRelyingParties,
        Self::Apache,
        Self::Grpcurl,
        Self::Postgres,
        Self::Prometheus,
        Self::Faketime,
        Self::Valgrind,
    ];

    const fn programs(self) -> &'static [Program] {
        match self {
            Self::Redis => &REDIS,
            Self::Chromium => &CHROMIUM,
            Self::Curl => &CURL,
            Self::Procps => &PROCPS,
            Self::ContainerEngine => &CONTAINER_ENGINE,
            Self::Proxies => &PROXIES,
            Self::Node | Self::NodeRelyingParties => &NODE,
            Self::Python | Self::Webauthn | Self::PythonRelyingParties | Self::Grpcurl => &PYTHON,
            Self::Apache => &APACHE,
            Self::Postgres => &POSTGRES,
            Self::Prometheus => &PROMETHEUS,
            Self::Faketime => &FAKETIME,
            Self::Valgrind => &VALGRIND,
        }
    }
}

/// Installs the tools that are missing. Returns the environment variables by which tests find those that are not on the path.
///
/// # Errors
/// When something cannot be installed; the message contains the command to run.
pub fn install(tools: &[Tool]) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    let programs: Vec<_> = tools.iter().flat_map(|tool| tool.programs()).collect();
    install_missing(&programs)?;
    let mut environment = Vec::new();
    if tools.contains(&Tool::Grpcurl) {
        environment.push(("HOLDFAST_TEST_GRPCURL", packages::grpcurl()?));
    }
    if tools.contains(&Tool::Node) {
        environment.push(("HOLDFAST_TEST_NODE", packages::node()?));
    }
    if tools.contains(&Tool::Python) {
        environment.push(("HOLDFAST_TEST_PYTHON", packages::python()?));
    }
    if tools.contains(&Tool::Webauthn) {
        environment.push(("HOLDFAST_TEST_WEBAUTHN", packages::webauthn()?));
    }
    if tools.contains(&Tool::NodeRelyingParties) {
        let packages = packages::node_relying_parties()?;
        environment.push(("HOLDFAST_TEST_NODE_RELYING_PARTIES", packages));
    }
    if tools.contains(&Tool::PythonRelyingParties) {
        let packages = packages::python_relying_parties()?;
        environment.push(("HOLDFAST_TEST_PYTHON_RELYING_PARTIES", packages));
    }
    Ok(environment)
}

/// Installs what the benchmark needs.
///
/// # Errors
/// When something cannot be installed; the message contains the command to run.
pub fn install_for_bench() -> anyhow::Result<BenchTools> {
    install_missing(&BENCH.iter().collect::<Vec<_>>())?;
    packages::for_bench()
}

fn install_missing(programs: &[&Program]) -> anyhow::Result<()> {
    let mut missing: Vec<_> = programs
        .iter()
        .filter(|(program, _)| !is_on_path(program))
        .map(|(_, package)| *package)
        .collect();
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() {
        Ok(())
    } else {
        install_debian_packages(&missing)
    }
}

fn is_on_path(program: &str) -> bool {
    if program.starts_with('/') {
        return Path::new(program).exists();
    }
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

fn install_debian_packages(packages: &[&str]) -> anyhow::Result<()> {
    let line = format!(
        "apt-get update && apt-get install --yes --no-install-recommends {}",
        packages.join(" ")
    );
    if !is_on_path("apt-get") || !rustix::process::geteuid().is_root() {
        bail!("the tests need these Debian packages; run as root:\n  {line}");
    }
    println!("Installing {} …", packages.join(", "));
    let status = Command::new("sh")
        .args(["-c", &line])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(Stdio::null())
        .status()?;
    ensure!(
        status.success(),
        "cannot install the packages; run as root:\n  {line}"
    );
    Ok(())
}
