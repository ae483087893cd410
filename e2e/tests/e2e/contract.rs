//! The published `OpenAPI` contract, tested with generated valid and invalid requests.

use std::path::Path;

use e2e::{packages, pair::Pair};
use tokio::process::Command;

async fn schemathesis(pair: &Pair, authorization: Option<&str>) {
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
    if let Some(authorization) = authorization {
        command.args(["--header", &format!("Authorization: {authorization}")]);
    }
    let output = command.output().await.unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("Tested: 43"), "{text}");
}

#[tokio::test]
async fn openapi_contract_holds_for_generated_requests() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    schemathesis(&pair, None).await;
    let tokens = pair.site.tokens("ada").await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    schemathesis(&pair, Some(&bearer)).await;
    assert!(!pair.web.output().contains("panicked"));
    assert_eq!(
        pair.site
            .api_login("ada", &pair.site.password)
            .await
            .status(),
        200
    );
}
