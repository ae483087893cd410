use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use auth_proto::v1::{
    IssueTokenRequest, LoginRequest, RevokeTokenRequest, auth_service_client::AuthServiceClient,
    issue_token_request::Grant,
};
use e2e::{
    pair::{PASSWORD, Pair},
    wait::until,
};
use tokio::{sync::Mutex, task::JoinSet, time::sleep};
use tonic::{
    Code,
    transport::{Channel, Endpoint},
};

const KILLS: usize = 20;
const LOGINS: usize = 6;

type Client = AuthServiceClient<Channel>;

/// What the clients were told, and so must find again.
#[derive(Default)]
struct Told {
    /// The newest refresh token of each login.
    newest: HashMap<String, String>,
    /// Who was told that their login has ended.
    ended: HashSet<String>,
    /// What each refresh token was exchanged for.
    successors: HashMap<String, HashSet<String>>,
}

type Shared = Arc<Mutex<Told>>;

/// Refreshes from two sides and now and then a sign-out, until auth-service dies in the middle of it.
async fn storm(client: Client, told: Shared) {
    let mut tasks = JoinSet::new();
    let sids: Vec<String> = told.lock().await.newest.keys().cloned().collect();
    for (index, sid) in sids.into_iter().enumerate() {
        for _side in 0..2 {
            tasks.spawn(refresh_until_it_fails(
                client.clone(),
                told.clone(),
                sid.clone(),
            ));
        }
        if index == 0 {
            tasks.spawn(sign_out(client.clone(), told.clone(), sid));
        }
    }
    tasks.join_all().await;
}

async fn refresh_until_it_fails(mut client: Client, told: Shared, sid: String) {
    loop {
        let Some(token) = told.lock().await.newest.get(&sid).cloned() else {
            return;
        };
        let Ok(successor) = refresh(&mut client, &token).await else {
            return;
        };
        let mut told = told.lock().await;
        told.successors
            .entry(token.clone())
            .or_default()
            .insert(successor.clone());
        // The other side may have been faster.
        if told.newest.get(&sid) == Some(&token) {
            told.newest.insert(sid.clone(), successor);
        }
    }
}

async fn sign_out(mut client: Client, told: Shared, sid: String) {
    sleep(Duration::from_millis(15)).await;
    let Some(token) = told.lock().await.newest.get(&sid).cloned() else {
        return;
    };
    let request = RevokeTokenRequest {
        token: token.clone(),
        ..Default::default()
    };
    if client.revoke_token(request).await.is_ok() {
        told.lock().await.ended.insert(sid);
    }
}

async fn refresh(client: &mut Client, token: &str) -> Result<String, tonic::Status> {
    let request = IssueTokenRequest {
        grant: Some(Grant::RefreshToken(token.to_owned())),
        ..Default::default()
    };
    let issued = client.issue_token(request).await?;
    Ok(issued.into_inner().refresh_token)
}

async fn sign_in(client: &mut Client) -> (String, String) {
    let login = LoginRequest {
        username: "ada".to_owned(),
        password: PASSWORD.to_owned(),
        client: None,
    };
    let login = client.login(login).await.unwrap().into_inner();
    let request = IssueTokenRequest {
        grant: Some(Grant::LoginTicket(login.login_ticket)),
        ..Default::default()
    };
    let issued = client.issue_token(request).await.unwrap().into_inner();
    (login.sid, issued.refresh_token)
}

async fn connect(pair: &Pair) -> Client {
    let url = format!("http://{}", pair.auth_address);
    let endpoint = Endpoint::from_shared(url).unwrap();
    let channel = until("auth-service", async || endpoint.connect().await.ok()).await;
    AuthServiceClient::new(channel)
}

/// Everybody finds what they were told.
async fn check(client: &mut Client, told: &Shared) {
    let mut told = told.lock().await;
    for (sid, token) in told.newest.clone() {
        let answer = refresh(client, &token).await;
        if told.ended.contains(&sid) {
            let refused = answer.expect_err("an ended login lives");
            assert_eq!(refused.code(), Code::Unauthenticated);
            told.newest.remove(&sid);
            continue;
        }
        match answer {
            Ok(successor) => {
                told.successors
                    .entry(token)
                    .or_default()
                    .insert(successor.clone());
                told.newest.insert(sid, successor);
            }
            // The sign-out was done, and its answer died with the service.
            Err(refused) => {
                assert!(refused.message().contains("ended"), "{sid}: {refused:?}");
                told.newest.remove(&sid);
            }
        }
    }
    for (token, successors) in &told.successors {
        assert_eq!(successors.len(), 1, "two successors of {token}");
    }
}

#[tokio::test]
async fn kill_under_load_loses_no_commit_and_restores_no_session() {
    let mut pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let told = Shared::default();
    let mut refreshed = 0;
    for kill in 0..KILLS {
        let mut client = connect(&pair).await;
        while told.lock().await.newest.len() < LOGINS {
            let (sid, token) = sign_in(&mut client).await;
            told.lock().await.newest.insert(sid, token);
        }
        let blowing = tokio::spawn(storm(client, told.clone()));
        sleep(Duration::from_millis(20 + 7 * kill as u64)).await;
        pair.auth.signal(rustix::process::Signal::KILL);
        pair.auth.exit().await;
        blowing.await.unwrap();
        pair.start_auth_again().await;

        check(&mut connect(&pair).await, &told).await;
        let mut told = told.lock().await;
        refreshed += told.successors.len();
        told.successors.clear();
    }
    let ended = told.lock().await.ended.len();
    assert!(
        refreshed > KILLS * 5 && ended > 0,
        "the storm did not blow: {refreshed} refreshes, {ended} sign-outs"
    );
}
