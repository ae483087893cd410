//! The published `OpenAPI` contract, tested with generated valid and invalid requests.

use std::path::Path;

use e2e::{packages, pair::Pair};
use tokio::process::Command;

/// Path pattern and number of all operations.
const ALL: (&str, u32) = (".", 53);
/// The same of the operations on event streams, but for polls, which wait for events.
const STREAMS: (&str, u32) = ("^/ssf/(stream|status|verify)$", 8);

/// Tests the operations whose path matches, or all of them, with an access token if there is one.
async fn schemathesis(pair: &Pair, token: Option<&str>, (paths, operations): (&str, u32)) {
    let packages = packages::of_python();
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/schemathesis.toml");
    let mut command = Command::new("python3");
    command
        .arg(packages.join("bin/schemathesis"))
        .arg("--config-file")
        .arg(config)
        .args(["--no-color", "run", &pair.site.url("/api/openapi.json")])
        .args([
            "--checks",
            "all",
            "--generation-deterministic",
            "--max-examples",
            "30",
        ])
        // A request may arrive while the service closes an idle connection.
        .args(["--request-retries", "3"])
        .arg("--tls-verify")
        .arg(&pair.site.ca_file)
        .env("PYTHONPATH", &packages)
        .current_dir(pair.directory.path());
    command.args(["--include-path-regex", paths]);
    if let Some(token) = token {
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    let output = command.output().await.unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{text}");
    let tested = format!("Tested: {operations}\n");
    assert!(text.contains(&tested), "{text}");
}

#[tokio::test]
async fn openapi_contract_holds_for_generated_requests() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    schemathesis(&pair, None, ALL).await;
    let tokens = pair.site.tokens("ada").await;
    schemathesis(&pair, tokens["access_token"].as_str(), ALL).await;
    let receiver = pair.own_token("receiver", "ssf.manage").await;
    schemathesis(&pair, Some(&receiver), STREAMS).await;
    assert!(!pair.web.output().contains("panicked"));
    assert_eq!(
        pair.site
            .api_login("ada", &pair.site.password)
            .await
            .status(),
        200
    );
}
