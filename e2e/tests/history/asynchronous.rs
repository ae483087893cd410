//! A failover to a standby that lacks the last commits.

use auth_proto::v1::{ValidateTokenRequest, auth_service_client::AuthServiceClient};
use e2e::{history::Door, wait::until};
use rustix::process::Signal;
use serde_json::{Value, json};
use tonic::{Code, Status, transport::Endpoint};

use crate::stack::{Stack, account_name};

/// The status of a request with an access token; `None` where it says nothing about the token.
async fn check(door: &Door, tokens: &Value) -> Option<u16> {
    let request = door.client.get(door.site.url("/api/profile"));
    let request = request.bearer_auth(tokens["access_token"].as_str().unwrap());
    conclusive(request.send().await.ok()?.status().as_u16())
}

/// The status of a refresh, and the tokens.
async fn refresh(door: &Door, tokens: &Value) -> Option<(u16, Value)> {
    let body = json!({"refresh_token": tokens["refresh_token"]});
    let request = door.client.post(door.site.url("/api/refresh")).json(&body);
    let response = request.send().await.ok()?;
    let status = conclusive(response.status().as_u16())?;
    Some((status, response.json().await.unwrap_or_default()))
}

/// The error of `ValidateToken` at one auth-service, by its memory; `None` if the token is valid.
async fn validate(stack: &Stack, instance: usize, tokens: &Value) -> Option<Status> {
    let address = format!("http://{}", stack.auth_address(instance));
    let endpoint = Endpoint::from_shared(address).unwrap();
    let mut service = AuthServiceClient::new(endpoint.connect().await.unwrap());
    let request = ValidateTokenRequest {
        access_token: tokens["access_token"].as_str().unwrap().to_owned(),
        ..Default::default()
    };
    service.validate_token(request).await.err()
}

fn conclusive(status: u16) -> Option<u16> {
    (status == 200 || status == 401).then_some(status)
}

#[tokio::test(flavor = "multi_thread")]
async fn failover_to_a_lagging_standby_keeps_ends_and_refreshes() {
    let mut stack = Stack::start(false).await;
    let doors = stack.doors.clone();
    let ended = doors[0].site.tokens(&account_name(0)).await;
    let kept = doors[1].site.tokens(&account_name(1)).await;
    stack.in_sync().await;

    stack.standby.as_ref().unwrap().disconnect().await;
    let logout = doors[0].client.post(doors[0].site.url("/api/logout"));
    let logout = logout.bearer_auth(ended["access_token"].as_str().unwrap());
    assert_eq!(logout.send().await.unwrap().status(), 204);
    let (status, rotated) = refresh(&doors[1], &kept).await.unwrap();
    assert_eq!(status, 200);
    for instance in 0..stack.auth.len() {
        until("the end to be read", async || {
            let status = validate(&stack, instance, &ended).await?;
            (status.code() == Code::Unauthenticated).then_some(())
        })
        .await;
        assert!(!stack.auth[instance].output().contains("store.failed_over"));
    }

    stack.primary.kill().await;
    stack.promote().await;
    let after = until("the database", async || refresh(&doors[0], &rotated).await).await;
    assert_eq!(after.0, 200, "a lost rotation ends no login");
    for door in &doors {
        let (status, body) = until("the database", async || refresh(door, &ended).await).await;
        assert_eq!((status, &body["reason"]), (401, &json!("LOGIN_ENDED")));
    }
    for instance in &mut stack.auth {
        instance.printed("store.failed_over").await;
    }

    // An instance that has never read from the lost server.
    stack.auth[0].signal(Signal::KILL);
    stack.auth[0].exit().await;
    stack.auth[0] = stack.start_auth(0).await;
    stack.auth[1].signal(Signal::KILL);
    stack.auth[1].exit().await;
    for door in &doors {
        let status = until("an answer", async || check(door, &ended).await).await;
        assert_eq!(status, 401);
        let status = until("an answer", async || check(door, &after.1).await).await;
        assert_eq!(status, 200);
    }
}
