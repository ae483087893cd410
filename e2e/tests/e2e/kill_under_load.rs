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
use holdfast_identity::audit::{AuditKind, AuditQuery};
use tokio::{sync::Mutex, task::JoinSet, time::sleep};
use tonic::{
    Code,
    transport::{Channel, Endpoint},
};

const KILLS: usize = 20;
const LOGINS: usize = 6;

type Client = AuthServiceClient<Channel>;

/// The responses that clients have received, which must hold after the restart.
#[derive(Default)]
struct Acknowledged {
    /// The newest refresh token of each login.
    newest: HashMap<String, String>,
    /// Logins whose sign-out was acknowledged.
    ended: HashSet<String>,
    /// The number of rotations.
    refreshes: usize,
    /// The successors that each refresh token was exchanged for.
    successors: HashMap<String, HashSet<String>>,
}

type Shared = Arc<Mutex<Acknowledged>>;

/// Refreshes each login from two tasks and signs one out, until auth-service is killed.
async fn load(client: Client, acknowledged: Shared) {
    let mut tasks = JoinSet::new();
    let sids: Vec<String> = acknowledged.lock().await.newest.keys().cloned().collect();
    for (index, sid) in sids.into_iter().enumerate() {
        for _task in 0..2 {
            tasks.spawn(refresh_until_it_fails(
                client.clone(),
                acknowledged.clone(),
                sid.clone(),
            ));
        }
        if index == 0 {
            tasks.spawn(sign_out(client.clone(), acknowledged.clone(), sid));
        }
    }
    tasks.join_all().await;
}

async fn refresh_until_it_fails(mut client: Client, acknowledged: Shared, sid: String) {
    loop {
        let Some(token) = acknowledged.lock().await.newest.get(&sid).cloned() else {
            return;
        };
        let Ok(successor) = refresh(&mut client, &token).await else {
            return;
        };
        let mut acknowledged = acknowledged.lock().await;
        let successors = acknowledged.successors.entry(token.clone()).or_default();
        if successors.insert(successor.clone()) {
            acknowledged.refreshes += 1;
        }
        // The other task may have been faster.
        if acknowledged.newest.get(&sid) == Some(&token) {
            acknowledged.newest.insert(sid.clone(), successor);
        }
    }
}

async fn sign_out(mut client: Client, acknowledged: Shared, sid: String) {
    sleep(Duration::from_millis(15)).await;
    let Some(token) = acknowledged.lock().await.newest.get(&sid).cloned() else {
        return;
    };
    let request = RevokeTokenRequest {
        token: token.clone(),
        ..Default::default()
    };
    if client.revoke_token(request).await.is_ok() {
        acknowledged.lock().await.ended.insert(sid);
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

/// Panics if an acknowledged change has no audit event.
async fn check_audit(pair: &Pair, acknowledged: &Shared) {
    let database = auth_service::config::Database::Sqlite(pair.directory.path().join("auth.db"));
    let store = auth_service::app::open_store(&database).await.unwrap();
    let acknowledged = acknowledged.lock().await;
    let events_of = async |kind| {
        let query = AuditQuery {
            kind: Some(kind),
            limit: u32::MAX,
            ..AuditQuery::default()
        };
        store.events(&query).await.unwrap()
    };
    let refreshes = events_of(AuditKind::Refreshed).await.len();
    assert!(
        refreshes >= acknowledged.refreshes,
        "{refreshes} events of {} refreshes",
        acknowledged.refreshes
    );
    // A token that two refreshes have overtaken counts as reused; then the sign-out finds the login ended.
    let signed_out = events_of(AuditKind::LoginEnded).await;
    let reused = events_of(AuditKind::RefreshReused).await;
    let ended: HashSet<String> = signed_out
        .into_iter()
        .chain(reused)
        .filter_map(|record| Some(record.event.sid?.to_string()))
        .collect();
    let missing: Vec<_> = acknowledged.ended.difference(&ended).collect();
    assert!(missing.is_empty(), "no event of the end of {missing:?}");
}

/// Panics if an acknowledged change is lost.
async fn check(client: &mut Client, acknowledged: &Shared) {
    let mut acknowledged = acknowledged.lock().await;
    for (sid, token) in acknowledged.newest.clone() {
        let answer = refresh(client, &token).await;
        if acknowledged.ended.contains(&sid) {
            let error = answer.expect_err("an ended login is accepted");
            assert_eq!(error.code(), Code::Unauthenticated);
            acknowledged.newest.remove(&sid);
            continue;
        }
        match answer {
            Ok(successor) => {
                acknowledged
                    .successors
                    .entry(token)
                    .or_default()
                    .insert(successor.clone());
                acknowledged.newest.insert(sid, successor);
            }
            // The sign-out was committed, and its response was lost.
            Err(error) => {
                assert!(error.message().contains("ended"), "{sid}: {error:?}");
                acknowledged.newest.remove(&sid);
            }
        }
    }
    for (token, successors) in &acknowledged.successors {
        assert_eq!(successors.len(), 1, "two successors of {token}");
    }
}

#[tokio::test]
async fn kill_under_load_loses_no_commit_and_restores_no_session() {
    let mut pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let acknowledged = Shared::default();
    let mut refreshed = 0;
    for kill in 0..KILLS {
        let mut client = connect(&pair).await;
        while acknowledged.lock().await.newest.len() < LOGINS {
            let (sid, token) = sign_in(&mut client).await;
            acknowledged.lock().await.newest.insert(sid, token);
        }
        let blowing = tokio::spawn(load(client, acknowledged.clone()));
        sleep(Duration::from_millis(20 + 7 * kill as u64)).await;
        pair.auth.signal(rustix::process::Signal::KILL);
        pair.auth.exit().await;
        blowing.await.unwrap();
        check_audit(&pair, &acknowledged).await;
        pair.start_auth_again().await;

        check(&mut connect(&pair).await, &acknowledged).await;
        let mut acknowledged = acknowledged.lock().await;
        refreshed += acknowledged.successors.len();
        acknowledged.successors.clear();
    }
    let ended = acknowledged.lock().await.ended.len();
    assert!(
        refreshed > KILLS * 5 && ended > 0,
        "the load was too small: {refreshed} refreshes, {ended} sign-outs"
    );
}
