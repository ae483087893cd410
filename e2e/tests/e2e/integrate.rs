//! Runs the example code of docs/integrate.md.

use std::{path::PathBuf, process::Output};

use e2e::{packages, pair::Pair};
use tokio::process::Command;

const PAGE: &str = include_str!("../../../docs/integrate.md");

/// The examples in a language that follow those of OpenID Connect, in the order of the page: gRPC, introspection, JWKS.
fn code(language: &str) -> Vec<&'static str> {
    let (_, page) = PAGE.split_once("\n## gRPC\n").unwrap();
    let fence = format!("```{language}\n");
    let blocks = page.split(&fence).skip(1);
    let blocks: Vec<_> = blocks
        .map(|block| block.split("\n```").next().unwrap())
        .collect();
    assert_eq!(blocks.len(), 3, "{language}");
    blocks
}

/// Lifetime of an access token, in seconds.
const AGE: i64 = 15 * 60;

/// Sets the clock of `PyJWT` ahead by `SKEW` seconds.
const PYTHON_SKEW: &str = r#"
import datetime, os, jwt.api_jwt

class Skewed(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(seconds=int(os.environ.get("SKEW", "0")))

jwt.api_jwt.datetime = Skewed
"#;

/// Sets the clock of Node ahead by `SKEW` seconds.
const NODE_SKEW: &str = r"
const skew = Number(process.env.SKEW ?? 0) * 1000;
const Right = Date;
globalThis.Date = class extends Right {
  constructor(...given) {
    super(...(given.length ? given : [Right.now() + skew]));
  }
  static now() {
    return Right.now() + skew;
  }
};
";

struct Fixture {
    pair: Pair,
    client_secret: String,
    access_token: String,
}

impl Fixture {
    async fn start() -> Self {
        let pair = Pair::start().await;
        pair.add_user("ada", &[]).await;
        let add = ["client", "add", "orders", "--audience", &pair.site.origin];
        let text = pair.command(&add, "").await;
        let tokens = pair.site.tokens("ada").await;
        Self {
            client_secret: text.trim().strip_prefix("orders ").unwrap().to_owned(),
            access_token: tokens["access_token"].as_str().unwrap().to_owned(),
            pair,
        }
    }

    async fn run(&self, mut command: Command, access_token: &str) -> String {
        let proto = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../proto");
        let python = std::env::join_paths([packages::of_python(), proto.clone()]).unwrap();
        let ca_file = &self.pair.site.ca_file;
        command
            .env("ORIGIN", &self.pair.site.origin)
            .env("AUTH", self.pair.auth_address.to_string())
            .env("ACCESS_TOKEN", access_token)
            .env("CLIENT_ID", "orders")
            .env("CLIENT_SECRET", &self.client_secret)
            .env("PROTO", proto)
            .env("PYTHONPATH", python)
            .env("NODE_EXTRA_CA_CERTS", ca_file)
            .env("REQUESTS_CA_BUNDLE", ca_file)
            .env("SSL_CERT_FILE", ca_file);
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().await.unwrap();
        let text = String::from_utf8_lossy(&stdout).trim().to_owned();
        assert!(
            status.success(),
            "{text}\n{}",
            String::from_utf8_lossy(&stderr)
        );
        text
    }

    /// Checks a valid token, a malformed one and a revoked one, which only offline verification accepts.
    async fn check(&self, command: impl Fn(usize) -> Command, nobody: &str) {
        let broken = format!("{}x", self.access_token);
        for (skew, expected) in [(-25, "ada"), (AGE + 15, "ada"), (AGE + 45, nobody)] {
            let mut offline = command(2);
            offline.env("SKEW", skew.to_string());
            let text = self.run(offline, &self.access_token).await;
            assert_eq!(text, expected, "a clock that is {skew} seconds ahead");
        }
        for way in 0..3 {
            assert_eq!(self.run(command(way), &self.access_token).await, "ada");
            assert_eq!(self.run(command(way), &broken).await, nobody);
        }
        let request = self
            .pair
            .site
            .client()
            .post(self.pair.site.url("/api/logout"));
        let ended = request
            .bearer_auth(&self.access_token)
            .send()
            .await
            .unwrap();
        assert_eq!(ended.status(), 204);
        for (way, expected) in [nobody, nobody, "ada"].into_iter().enumerate() {
            assert_eq!(
                self.run(command(way), &self.access_token).await,
                expected,
                "{way}"
            );
        }
    }
}

#[tokio::test]
async fn python_example_of_integration_guide_works() {
    let code = code("python");
    let python = |way: usize| {
        let mut python = Command::new("python3");
        python.args(["-c", &format!("{PYTHON_SKEW}\n{}", code[way])]);
        python
    };
    Fixture::start().await.check(python, "None").await;
}

#[tokio::test]
async fn node_example_of_integration_guide_works() {
    let home = packages::of_node();
    let files: Vec<_> = (0..3)
        .map(|way| home.join(format!("integrate{way}.mjs")))
        .collect();
    let skew = home.join("integrate_skew.mjs");
    std::fs::write(&skew, NODE_SKEW).unwrap();
    for (file, code) in files.iter().zip(code("javascript")) {
        std::fs::write(file, code).unwrap();
    }
    let node = |way: usize| {
        let mut node = Command::new("node");
        node.arg("--import").arg(&skew).arg(&files[way]);
        node
    };
    Fixture::start().await.check(node, "null").await;
}
