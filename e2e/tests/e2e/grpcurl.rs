use e2e::{
    packages,
    pair::{PASSWORD, Pair},
};
use serde_json::{Value, json};
use tokio::process::Command;

/// Runs grpcurl; returns whether it succeeded, and its output.
async fn grpcurl(pair: &Pair, arguments: &[&str], method: &[&str]) -> (bool, String) {
    let program = packages::grpcurl();
    let output = Command::new(program)
        .arg("-plaintext")
        .args(arguments)
        .arg(format!("localhost:{}", pair.auth_address.port()))
        .args(method)
        .output()
        .await
        .expect("grpcurl is installed; run cargo xtask test");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

async fn call(pair: &Pair, method: &str, message: Value) -> Value {
    let (success, text) = grpcurl(pair, &["-d", &message.to_string()], &[method]).await;
    assert!(success, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn reflection_lists_and_describes_every_service() {
    let pair = Pair::start().await;
    let (_, services) = grpcurl(&pair, &[], &["list"]).await;
    for service in [
        "auth.v1.AuthService",
        "auth.v1.AccountService",
        "auth.v1.AdminService",
        "grpc.health.v1.Health",
    ] {
        assert!(services.contains(service), "{services}");
    }
    let (_, described) = grpcurl(&pair, &[], &["describe", "auth.v1.AuthService"]).await;
    assert!(
        described.contains("rpc ValidateToken ( .auth.v1.ValidateTokenRequest )"),
        "{described}"
    );
    assert!(
        described.contains("Validates an access token"),
        "comments are part of the description: {described}"
    );
    let (_, health) = grpcurl(&pair, &[], &["grpc.health.v1.Health/Check"]).await;
    assert!(health.contains("SERVING"), "{health}");
}

#[tokio::test]
async fn login_issue_and_validate_token_succeed() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;

    let login = call(
        &pair,
        "auth.v1.AuthService/Login",
        json!({"username": "ada", "password": PASSWORD}),
    )
    .await;
    let ticket = json!({"login_ticket": login["loginTicket"]});
    let issued = call(&pair, "auth.v1.AuthService/IssueToken", ticket).await;
    assert_eq!(
        (issued["tokenType"].as_str(), issued["expiresIn"].as_str()),
        (Some("Bearer"), Some("900s"))
    );
    let token = json!({"access_token": issued["accessToken"]});
    let valid = call(&pair, "auth.v1.AuthService/ValidateToken", token).await;

    assert_eq!(valid["claims"]["username"], "ada");
    assert_eq!(valid["claims"]["sid"], login["sid"]);
}

#[tokio::test]
async fn error_contains_reason_in_details() {
    let pair = Pair::start().await;
    let wrong = json!({"username": "nobody", "password": "wrong"}).to_string();
    let (success, text) = grpcurl(&pair, &["-d", &wrong], &["auth.v1.AuthService/Login"]).await;
    assert!(!success);
    assert!(text.contains("Code: Unauthenticated"), "{text}");
    assert!(
        text.contains("\"reason\":\"INVALID_CREDENTIALS\""),
        "{text}"
    );
    assert!(text.contains("\"domain\":\"holdfast\""), "{text}");
}
