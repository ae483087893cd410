//! Instructions of web-service for a check, compared with a bare handler: independent of the machine and its load. `cargo xtask
//! bench` measures times.

use e2e::{
    instructions,
    pair::{Options, Pair, bare_counted},
    program::Program,
    redis::Redis,
};
use reqwest::{Client, RequestBuilder};

const WARM: u32 = 50;
const REQUESTS: u32 = 400;

/// Limits as multiples of a bare axum handler, in unoptimised programs; a tenth above the current figures.
const MAX_COOKIE: f64 = 2.15;
const MAX_BEARER: f64 = 2.25;

/// Instructions for each of these requests, which all must get status 200.
async fn cost(program: &Program, request: RequestBuilder) -> f64 {
    let repeat = async |times| {
        for _ in 0..times {
            let answer = request.try_clone().unwrap().send().await.unwrap();
            assert_eq!(answer.status(), 200);
            answer.bytes().await.unwrap();
        }
    };
    repeat(WARM).await;
    let before = instructions::so_far(program.id()).await;
    repeat(REQUESTS).await;
    let counted = instructions::so_far(program.id()).await - before;
    f64::from(u32::try_from(counted / u64::from(REQUESTS)).unwrap())
}

#[tokio::test]
async fn check_costs_at_most_its_instruction_budget() {
    let redis = Redis::start().await;
    let pair = Pair::start_with(Options {
        web: vec![
            ("WEB_SESSION_STORE", redis.url()),
            ("WEB_LOG", "warn,web_service::app=info".to_owned()),
        ],
        ..Options::default()
    })
    .await;
    pair.add_user("ada", &[]).await;
    let cookie = pair.site.form_login("ada").await;
    let tokens = pair.site.tokens("ada").await;
    let token = tokens["access_token"].as_str().unwrap();
    let (web, address) = pair.another_web_counted().await;
    let (bare, bare_address) = bare_counted(pair.directory.path()).await;
    let client = Client::builder().no_proxy().build().unwrap();

    let floor = cost(&bare, client.get(format!("http://{bare_address}/profile"))).await;
    let session = client.get(format!("http://{address}/api/session"));
    let session = cost(&web, session.header("cookie", &cookie)).await / floor;
    let profile = client.get(format!("http://{address}/api/profile"));
    let profile = cost(&web, profile.bearer_auth(token)).await / floor;

    assert!(session < MAX_COOKIE, "cookie: {session:.2} times");
    assert!(profile < MAX_BEARER, "bearer: {profile:.2} times");
}
