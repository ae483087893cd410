//! More concurrent sign-ins than can be served, and the effect on other requests.

use std::time::{Duration, Instant};

use auth_proto::v1::{
    IssueTokenRequest, LoginRequest, ValidateTokenRequest, auth_service_client::AuthServiceClient,
    issue_token_request::Grant,
};
use futures_util::future::join_all;
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};

/// The number of concurrent sign-ins.
pub const LOGINS: usize = 200;

/// The results of a flood.
#[derive(Debug)]
pub struct Outcome {
    /// Sign-ins that succeeded or were answered with a wrong password.
    pub served: usize,
    /// Sign-ins that were rejected with `RESOURCE_EXHAUSTED` and a `RetryInfo`.
    pub refused: usize,
    /// All other errors.
    pub others: Vec<Status>,
    /// Durations of the `ValidateToken` calls during the flood, in ascending order.
    pub validations: Vec<Duration>,
}

/// Connects to the gRPC port.
pub async fn connect(address: &str) -> AuthServiceClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    AuthServiceClient::new(endpoint.connect().await.unwrap())
}

/// Signs in [`LOGINS`] times at once over one connection: every fourth time as an account, otherwise with an unknown username.
/// Meanwhile it validates a token over another connection, one call after the other.
pub async fn run(address: &str, username: &str, password: &str) -> Outcome {
    let token = access_token(address, username, password).await;
    let client = connect(address).await;
    let mut validator = connect(address).await;
    let flood = join_all((0..LOGINS).map(|number| {
        let is_known = number % 4 == 0;
        let login = LoginRequest {
            // More wrong passwords for one account would be throttled.
            username: if is_known {
                username.to_owned()
            } else {
                format!("nobody{number}")
            },
            password: password.to_owned(),
            client: None,
        };
        let mut client = client.clone();
        tokio::spawn(async move { client.login(login).await.err() })
    }));
    tokio::pin!(flood);
    let mut validations = Vec::new();
    let answers = loop {
        tokio::select! {
            biased;
            answers = &mut flood => break answers,
            took = validate(&mut validator, &token) => validations.push(took),
        }
    };
    validations.sort();
    let mut outcome = Outcome {
        served: 0,
        refused: 0,
        others: Vec::new(),
        validations,
    };
    for answer in answers {
        match answer.unwrap() {
            None => outcome.served += 1,
            Some(status) if status.code() == Code::Unauthenticated => outcome.served += 1,
            Some(status) if is_overload(&status) => outcome.refused += 1,
            Some(status) => outcome.others.push(status),
        }
    }
    outcome
}

async fn access_token(address: &str, username: &str, password: &str) -> String {
    let mut client = connect(address).await;
    let login = LoginRequest {
        username: username.to_owned(),
        password: password.to_owned(),
        client: None,
    };
    let login = client.login(login).await.unwrap().into_inner();
    let request = IssueTokenRequest {
        grant: Some(Grant::LoginTicket(login.login_ticket)),
        scope: "profile".to_owned(),
        ..Default::default()
    };
    let issued = client.issue_token(request).await.unwrap().into_inner();
    issued.access_token
}

async fn validate(client: &mut AuthServiceClient<Channel>, token: &str) -> Duration {
    let begun = Instant::now();
    let request = ValidateTokenRequest {
        access_token: token.to_owned(),
        ..Default::default()
    };
    client.validate_token(request).await.unwrap();
    begun.elapsed()
}

fn is_overload(status: &Status) -> bool {
    // A `RetryInfo` is in the details, by the name of its type.
    let details = String::from_utf8_lossy(status.details()).into_owned();
    status.code() == Code::ResourceExhausted && details.contains("google.rpc.RetryInfo")
}
