//! The time from the answer to an end at one auth-service until each of them refuses the access token.

use std::time::{Duration, Instant};

use auth_proto::v1::{
    RevokeTokenRequest, ValidateTokenRequest, auth_service_client::AuthServiceClient,
};
use e2e::wait::until;
use tonic::{
    Code,
    transport::{Channel, Endpoint},
};

use crate::stack::{INSTANCES, Stack, account_name};

/// Limit of the median: on a busy machine a single time can be longer.
const MAX_MEDIAN: Duration = Duration::from_millis(200);
const ROUNDS: usize = 21;

async fn connect(stack: &Stack, instance: usize) -> AuthServiceClient<Channel> {
    let address = format!("http://{}", stack.auth_address(instance));
    let endpoint = Endpoint::from_shared(address).unwrap();
    AuthServiceClient::new(endpoint.connect().await.unwrap())
}

/// Waits until an instance refuses a token.
async fn refuses(instance: &mut AuthServiceClient<Channel>, request: &ValidateTokenRequest) {
    until("the refusal", async || {
        let refused = instance.validate_token(request.clone()).await.err()?;
        assert_eq!(refused.code(), Code::Unauthenticated, "{refused:?}");
        Some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn end_at_one_instance_is_refused_by_all_within_200_ms() {
    let stack = Stack::start(true).await;
    let mut instances = Vec::new();
    for instance in 0..INSTANCES {
        instances.push(connect(&stack, instance).await);
    }
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let tokens = stack.doors[0].site.tokens(&account_name(0)).await;
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
        let validate = ValidateTokenRequest {
            access_token: text("access_token"),
            ..Default::default()
        };
        for instance in &mut instances {
            instance.validate_token(validate.clone()).await.unwrap();
        }
        let revoke = RevokeTokenRequest {
            token: text("refresh_token"),
            ..Default::default()
        };
        let ending = &mut instances[round % INSTANCES];
        ending.revoke_token(revoke).await.unwrap();
        let ended_at = Instant::now();
        for instance in &mut instances {
            refuses(instance, &validate).await;
        }
        times.push(ended_at.elapsed());
    }
    times.sort_unstable();
    let (median, max) = (times[ROUNDS / 2], times[ROUNDS - 1]);
    println!("end to refused by all instances: median {median:.1?}, longest {max:.1?}");
    assert!(median < MAX_MEDIAN, "{times:?}");
}
