//! The applications: their registration and their start.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use e2e::{packages, pair::Pair, port, program::Program};
use tokio::{
    net::TcpStream,
    process::Command,
    time::{sleep, timeout},
};

use crate::{apache, next};

/// Time in which an application starts, or a page is shown.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
/// Time between two attempts.
pub(crate) const INTERVAL: Duration = Duration::from_millis(20);

/// What an application is written in.
#[derive(Clone, Copy)]
pub(crate) enum Language {
    Node,
    /// A directory with an application of Next.js.
    Next,
    Python,
    /// A directory with a crate outside the workspace.
    Rust,
    /// A configuration of Apache.
    Apache,
}

/// An application, with the paths of its pages and what they show.
pub(crate) struct Application {
    /// Its file or directory in `e2e/relying_parties`, whose stem is its `client_id`.
    pub(crate) file: &'static str,
    pub(crate) language: Language,
    /// Whether it is a page without a server, which cannot keep a secret.
    pub(crate) is_public: bool,
    /// The algorithm of its ID tokens.
    pub(crate) id_token_algorithm: &'static str,
    /// The lifetime of its access tokens.
    pub(crate) access_ttl: &'static str,
    /// The host of its URLs.
    pub(crate) host: &'static str,
    /// The path of its redirect URI.
    pub(crate) callback: &'static str,
    /// The page that starts a sign-in.
    pub(crate) sign_in: &'static str,
    /// The button of that page, where it has one.
    pub(crate) button: Option<&'static str>,
    /// Whether it asks for consent at each sign-in (`prompt=consent`).
    pub(crate) requires_consent: bool,
    /// The page that calls the userinfo endpoint, and shows the username.
    pub(crate) userinfo: &'static str,
    /// The page that obtains new tokens.
    pub(crate) refresh: &'static str,
    /// What it shows after that.
    pub(crate) refreshed: &'static str,
    /// What the two show, one after the other, after the login has ended.
    pub(crate) refused: [&'static str; 2],
    /// The page that starts a sign-out at the provider, where the library has one. `{BASE_URL}` stands for the origin.
    pub(crate) sign_out: Option<&'static str>,
    /// The page to which the browser returns after that.
    pub(crate) signed_out: &'static str,
}

/// A running application.
pub(crate) struct Running {
    /// Scheme, host and port.
    pub(crate) base_url: String,
    pub(crate) program: Program,
}

/// The directory of the applications.
pub(crate) fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("relying_parties")
}

impl Application {
    /// Registers the application and starts it.
    pub(crate) async fn start(&self, pair: &Pair) -> Running {
        let mut command = self.command(pair).await;
        let port = port::free();
        let base_url = format!("http://{}:{port}", self.host);
        let client_id = Path::new(self.file).file_stem().unwrap();
        let client_id = client_id.to_str().unwrap();
        let secret = self.register(pair, client_id, &base_url).await;
        let ca_file = &pair.site.ca_file;
        command
            .env("ISSUER", &pair.site.origin)
            .env("CLIENT_ID", client_id)
            .env("CLIENT_SECRET", secret)
            .env("BASE_URL", &base_url)
            .env("AUTH_URL", &base_url)
            .env("PORT", port.to_string())
            .env("SECRET", "a secret of the application's own sessions")
            .env("NODE_EXTRA_CA_CERTS", ca_file)
            .env("REQUESTS_CA_BUNDLE", ca_file);
        let program = Program::start(&mut command).with_children();
        let listens = timeout(DEADLINE, listening(port)).await;
        assert!(listens.is_ok(), "{}:\n{}", self.file, program.output());
        Running { base_url, program }
    }

    /// Returns the client secret; empty for a public client.
    async fn register(&self, pair: &Pair, client_id: &str, base_url: &str) -> String {
        let callback = format!("{base_url}{}", self.callback);
        let signed_out = format!("{base_url}{}", self.signed_out);
        let mut add = vec![
            "client",
            "add",
            client_id,
            "--redirect-uri",
            &callback,
            "--post-logout-redirect-uri",
            &signed_out,
            "--client-name",
            "Order desk",
            "--id-token-algorithm",
            self.id_token_algorithm,
        ];
        if self.is_public {
            add.push("--public");
        }
        let printed = pair.command(&add, "").await;
        let (id, secret) = printed.split_once([' ', '\n']).unwrap();
        assert_eq!(id, client_id);
        secret.trim().to_owned()
    }

    async fn command(&self, pair: &Pair) -> Command {
        let file = directory().join(self.file);
        match self.language {
            Language::Node => {
                // Node resolves modules beside the script.
                let copy = packages::of_node_relying_parties().join(self.file);
                std::fs::copy(file, &copy).unwrap();
                let mut node = Command::new("node");
                node.arg(copy);
                node
            }
            Language::Next => next::command(&file).await,
            Language::Python => {
                let mut python = Command::new("python3");
                python
                    .arg(file)
                    .current_dir(pair.directory.path())
                    .env("PYTHONPATH", packages::of_python_relying_parties())
                    .env("PYTHONDONTWRITEBYTECODE", "1");
                python
            }
            Language::Rust => built(&file).await,
            Language::Apache => apache::command(pair, &file),
        }
    }
}

async fn listening(port: u16) {
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        sleep(INTERVAL).await;
    }
}

/// Builds a crate, and returns the command that starts it.
async fn built(directory: &Path) -> Command {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/relying-parties");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--locked", "--manifest-path"])
        .arg(directory.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", &target);
    let built = cargo.output().await.unwrap();
    let printed = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{printed}");
    let name = directory.file_name().unwrap().to_str().unwrap();
    Command::new(target.join(format!("debug/{name}-app")))
}
