//! Debian packages of both services, with their systemd units.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

use crate::workspace;

/// The version of the workspace.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Scripts of a package, which are executable.
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

/// A service that has a package.
struct Service {
    /// Part of the names of users, directories and packages.
    name: &'static str,
    description: &'static str,
}

const SERVICES: [Service; 2] = [
    Service {
        name: "auth",
        description: "accounts, logins and tokens over gRPC",
    },
    Service {
        name: "web",
        description: "cookie sessions, pages and a REST API over HTTPS",
    },
];

/// Builds the packages of both services from the programs in a directory, and returns their files.
///
/// # Errors
/// When a program is missing, a file cannot be written, or `dpkg-deb` fails.
pub fn build(programs: &Path, version: &str, output: &Path) -> anyhow::Result<Vec<PathBuf>> {
    fs::create_dir_all(output)?;
    let architecture = printed("dpkg", &[Path::new("--print-architecture")])?;
    SERVICES
        .iter()
        .map(|service| service.build(programs, (version, architecture.trim()), output))
        .collect()
}

impl Service {
    fn program(&self) -> String {
        format!("{}-service", self.name)
    }

    fn package(&self) -> String {
        format!("holdfast-{}", self.program())
    }

    fn build(
        &self,
        programs: &Path,
        (version, architecture): (&str, &str),
        output: &Path,
    ) -> anyhow::Result<PathBuf> {
        let package = self.package();
        let file = output.join(format!("{package}_{version}_{architecture}.deb"));
        let root = output.join(&package);
        if root.exists() {
            fs::remove_dir_all(&root)?;
        }
        let program = programs.join(self.program());
        self.add_files(&root, &program)?;
        let values = [
            ("@PACKAGE@", package.as_str()),
            ("@NAME@", self.name),
            ("@UNIT@", &format!("{}.service", self.program())),
            ("@SOCKET@", &format!("{}.socket", self.program())),
            ("@VERSION@", version),
            ("@ARCHITECTURE@", architecture),
            ("@GLIBC@", &glibc(&program)?),
            ("@DESCRIPTION@", self.description),
        ];
        self.add_control(&root, &values)?;
        let pack = ["--root-owner-group", "-Zgzip", "--build"].map(Path::new);
        printed("dpkg-deb", &[&pack[..], &[&*root, &*file]].concat())?;
        fs::remove_dir_all(&root)?;
        Ok(file)
    }

    fn add_files(&self, root: &Path, program: &Path) -> anyhow::Result<()> {
        let (package, name) = (self.package(), self.program());
        let doc = format!("usr/share/doc/{package}");
        let files = [
            (
                format!("deploy/systemd/{name}.service"),
                format!("usr/lib/systemd/system/{name}.service"),
            ),
            (
                format!("deploy/systemd/{name}.socket"),
                format!("usr/lib/systemd/system/{name}.socket"),
            ),
            (
                format!("deploy/systemd/{name}.sysusers"),
                format!("usr/lib/sysusers.d/{package}.conf"),
            ),
            (
                format!("deploy/systemd/{name}.env"),
                format!("etc/holdfast/{name}.env"),
            ),
            (
                "deploy/secrets.sh".to_owned(),
                format!("usr/share/{package}/secrets.sh"),
            ),
            (
                "deploy/debian/copyright".to_owned(),
                format!("{doc}/copyright"),
            ),
            ("LICENSE-MIT".to_owned(), format!("{doc}/LICENSE-MIT")),
            ("LICENSE-APACHE".to_owned(), format!("{doc}/LICENSE-APACHE")),
        ];
        for (from, to) in files {
            install(&workspace::root().join(from), &root.join(to), "0644")?;
        }
        let doctor = root.join(format!("usr/sbin/{name}-doctor"));
        let script = workspace::root().join("deploy/systemd/doctor");
        install(&script, &doctor, "0755")?;
        install(program, &root.join(format!("usr/bin/{name}")), "0755")
    }

    fn add_control(&self, root: &Path, values: &[(&str, &str)]) -> anyhow::Result<()> {
        let control = root.join("DEBIAN");
        fs::create_dir(&control)?;
        fs::set_permissions(&control, fs::Permissions::from_mode(0o755))?;
        for name in ["control"].iter().chain(&SCRIPTS) {
            let template = fs::read_to_string(debian(name))?;
            let text = values
                .iter()
                .fold(template, |text, (from, to)| text.replace(from, to));
            let mode = if SCRIPTS.contains(name) { 0o755 } else { 0o644 };
            write(&control.join(name), text.as_bytes(), mode)?;
        }
        let conffile = format!("/etc/holdfast/{}.env\n", self.program());
        write(&control.join("conffiles"), conffile.as_bytes(), 0o644)
    }
}

fn debian(name: &str) -> PathBuf {
    workspace::root().join("deploy/debian").join(name)
}

/// Copies a file, and creates its directories with mode 0755, whatever the umask is.
fn install(from: &Path, to: &Path, mode: &str) -> anyhow::Result<()> {
    let options = ["-D", "-m", mode].map(Path::new);
    printed("install", &[&options[..], &[from, to]].concat()).map(drop)
}

fn write(path: &Path, content: &[u8], mode: u32) -> anyhow::Result<()> {
    fs::write(path, content)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(())
}

/// The version of glibc that a program needs, by the versions of its symbols.
fn glibc(program: &Path) -> anyhow::Result<String> {
    let symbols = printed("objdump", &[Path::new("--dynamic-syms"), program])?;
    let newest = symbols
        .split("GLIBC_")
        .skip(1)
        .filter_map(|text| {
            let mut version = text.split(|other: char| other != '.' && !other.is_ascii_digit());
            let (major, minor) = version.next()?.split_once('.')?;
            // Of `2.2.5`, the first two.
            let minor = minor.split('.').next()?;
            Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
        })
        .max();
    let (major, minor) = newest.context("a program is not linked with glibc")?;
    Ok(format!("{major}.{minor}"))
}

/// What a program prints.
fn printed(program: &str, arguments: &[&Path]) -> anyhow::Result<String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.with_context(|| format!("cannot run {program}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} failed: {errors}");
    Ok(String::from_utf8(output.stdout)?)
}
