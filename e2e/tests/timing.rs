//! Response times of rejected sign-ins. A test program of its own, so that no other test of the run uses the processor.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop, and this one prints what it measured"
)]

use std::time::{Duration, Instant};

use auth_proto::v1::{
    AuthenticationStep, Client, ContinueAuthenticationRequest, LoginRequest,
    StartAuthenticationRequest, auth_service_client::AuthServiceClient, authentication_step::Step,
    start_authentication_response,
};
use e2e::pair::{PASSWORD, Pair, SERVICE_SECRET};
use tonic::{
    Request, Status,
    transport::{Channel, Endpoint},
};

const TRIES: usize = 50;

/// Largest relative difference between two medians.
const TOLERANCE: f64 = 0.10;

/// Difference that is no information, whatever the time of a call is: less than what differs between two calls of one kind.
const RESOLUTION: Duration = Duration::from_micros(200);

/// A noisy machine gets more rounds; a real difference appears in all of them.
const ROUNDS: usize = 3;

#[tokio::test]
async fn rejections_of_unknown_wrong_and_disabled_are_indistinguishable() {
    let pair = Pair::start().await;
    for index in 0..TRIES {
        pair.add_user(&format!("known{index}"), &[]).await;
        pair.add_user(&format!("disabled{index}"), &[]).await;
        pair.command(&["user", "disable", &format!("disabled{index}")], "")
            .await;
    }
    let endpoint = Endpoint::from_shared(format!("http://{}", pair.auth_address)).unwrap();
    let mut client = AuthServiceClient::new(endpoint.connect().await.unwrap());
    for call in [
        Call::Login,
        Call::ContinueAuthentication,
        Call::RecoveryCode,
    ] {
        assert_indistinguishable(&mut client, call).await;
    }
}

/// A call that verifies a password, or a recovery code in place of one.
#[derive(Clone, Copy, Debug)]
enum Call {
    Login,
    /// The second step of an attempt, whose start looks nothing up.
    ContinueAuthentication,
    /// A recovery code as the first step, which no account of this test has.
    RecoveryCode,
}

async fn assert_indistinguishable(client: &mut AuthServiceClient<Channel>, call: Call) {
    let mut reports = Vec::new();
    for _round in 0..ROUNDS {
        let medians = measure(client, call).await;
        let slowest = *medians.iter().max().unwrap();
        let apart = slowest.saturating_sub(*medians.iter().min().unwrap());
        let difference = apart.as_secs_f64() / slowest.as_secs_f64();
        reports.push(format!(
            "{call:?} of unknown, wrong, disabled: {medians:?}, {:.1} % apart",
            difference * 100.0
        ));
        if difference <= TOLERANCE || apart <= RESOLUTION {
            println!("{}", reports.join("\n"));
            return;
        }
    }
    panic!("{}", reports.join("\n"));
}

/// The median time of a rejection of each kind, measured in turn.
async fn measure(client: &mut AuthServiceClient<Channel>, call: Call) -> [Duration; 3] {
    let mut times = [(); 3].map(|()| Vec::new());
    let mut answers = Vec::new();
    for index in 0..TRIES {
        let attempts = [
            (format!("unknown{index}"), PASSWORD),
            (format!("known{index}"), "a wrong password"),
            (format!("disabled{index}"), PASSWORD),
        ];
        for (kind, (username, password)) in attempts.into_iter().enumerate() {
            let (time, status) = rejection(client, call, username, password).await;
            times[kind].push(time);
            answers.push((
                status.code(),
                status.message().to_owned(),
                status.details().to_vec(),
            ));
        }
    }
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "the bytes differ"
    );
    times.map(|mut times| {
        times.sort_unstable();
        times[TRIES / 2]
    })
}

async fn rejection(
    client: &mut AuthServiceClient<Channel>,
    call: Call,
    username: String,
    password: &str,
) -> (Duration, Status) {
    let source = source(&format!("{call:?} {username}"));
    let (begun, answer) = match call {
        Call::Login => {
            let request = from_web_service(LoginRequest {
                username,
                password: password.to_owned(),
                client: Some(source),
            });
            let begun = Instant::now();
            (begun, client.login(request).await.map(drop))
        }
        Call::ContinueAuthentication => {
            let request = from_web_service(ContinueAuthenticationRequest {
                attempt: attempt(client, username, source.clone()).await,
                step: Some(AuthenticationStep {
                    step: Some(Step::Password(password.to_owned())),
                }),
                client: Some(source),
                ..Default::default()
            });
            let begun = Instant::now();
            let answer = client.continue_authentication(request).await;
            (begun, answer.map(drop))
        }
        Call::RecoveryCode => {
            let request = from_web_service(StartAuthenticationRequest {
                username,
                step: Some(AuthenticationStep {
                    step: Some(Step::RecoveryCode("0123-4567-89ab-cdef".to_owned())),
                }),
                client: Some(source),
                ..Default::default()
            });
            let begun = Instant::now();
            let answer = client.start_authentication(request).await;
            (begun, answer.map(drop))
        }
    };
    (begun.elapsed(), answer.unwrap_err())
}

async fn attempt(
    client: &mut AuthServiceClient<Channel>,
    username: String,
    source: Client,
) -> String {
    let request = from_web_service(StartAuthenticationRequest {
        username,
        step: None,
        client: Some(source),
        ..Default::default()
    });
    let started = client.start_authentication(request).await.unwrap();
    match started.into_inner().result.unwrap() {
        start_authentication_response::Result::Next(next) => next.attempt,
        start_authentication_response::Result::Done(login) => panic!("{login:?}"),
    }
}

/// Each attempt has its own address, so that none is throttled.
fn source(name: &str) -> Client {
    let [.., a, b, c] = name
        .bytes()
        .fold(0_u32, |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(byte.into())
        })
        .to_be_bytes();
    Client {
        ip_address: format!("10.{a}.{b}.{c}"),
        ..Default::default()
    }
}

fn from_web_service<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let secret = SERVICE_SECRET.parse().unwrap();
    request
        .metadata_mut()
        .insert(auth_proto::SERVICE_SECRET, secret);
    request
}
