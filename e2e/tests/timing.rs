//! Response times of rejected sign-ins. A test program of its own, so that no other test of the run uses the processor.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop, and this one prints what it measured"
)]

use std::time::{Duration, Instant};

use auth_proto::v1::{Client, LoginRequest, auth_service_client::AuthServiceClient};
use e2e::pair::{PASSWORD, Pair, SERVICE_SECRET};
use tonic::{
    Request, Status,
    transport::{Channel, Endpoint},
};

const TRIES: usize = 50;

/// Largest relative difference between two medians.
const TOLERANCE: f64 = 0.10;

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
    let mut reports = Vec::new();
    for _round in 0..ROUNDS {
        let medians = measure(&mut client).await;
        let slowest = medians.iter().max().unwrap().as_secs_f64();
        let fastest = medians.iter().min().unwrap().as_secs_f64();
        let difference = (slowest - fastest) / slowest;
        reports.push(format!(
            "unknown, wrong, disabled: {medians:?}, {:.1} % apart",
            difference * 100.0
        ));
        if difference <= TOLERANCE {
            println!("{}", reports.join("\n"));
            return;
        }
    }
    panic!("{}", reports.join("\n"));
}

/// The median time of a rejection of each kind, measured in turn.
async fn measure(client: &mut AuthServiceClient<Channel>) -> [Duration; 3] {
    let mut times = [(); 3].map(|()| Vec::new());
    let mut answers = Vec::new();
    for index in 0..TRIES {
        let attempts = [
            (format!("unknown{index}"), PASSWORD),
            (format!("known{index}"), "a wrong password"),
            (format!("disabled{index}"), PASSWORD),
        ];
        for (kind, (username, password)) in attempts.into_iter().enumerate() {
            let (time, status) = rejection(client, username, password).await;
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
    username: String,
    password: &str,
) -> (Duration, Status) {
    // Each attempt has its own address, so that none is throttled.
    let [.., a, b, c] = username
        .bytes()
        .fold(0_u32, |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(byte.into())
        })
        .to_be_bytes();
    let mut request = Request::new(LoginRequest {
        username,
        password: password.to_owned(),
        client: Some(Client {
            ip_address: format!("10.{a}.{b}.{c}"),
            ..Default::default()
        }),
    });
    let secret = SERVICE_SECRET.parse().unwrap();
    request
        .metadata_mut()
        .insert(auth_proto::SERVICE_SECRET, secret);
    let begun = Instant::now();
    let answer = client.login(request).await;
    (begun.elapsed(), answer.unwrap_err())
}
