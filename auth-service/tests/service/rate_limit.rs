use auth_proto::v1::{Client, ClientKind, LoginRequest};
use futures_util::future::join_all;
use holdfast_crypto::argon2id::Cost;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{
    PASSWORD, TestService, assert_refused, bearer, change_password, from_web_service, minutes,
    rounds, seconds,
};

const WRONG: &str = "a wrong password";

/// Where web-service says that somebody is.
#[derive(Clone, Copy)]
struct From<'a> {
    address: &'a str,
    device: Option<u8>,
}

const fn from(address: &str) -> From<'_> {
    From {
        address,
        device: None,
    }
}

async fn try_login(
    service: &TestService,
    name: &str,
    password: &str,
    from: From<'_>,
) -> Result<(), Status> {
    let request = LoginRequest {
        username: name.to_owned(),
        password: password.to_owned(),
        client: Some(Client {
            kind: ClientKind::Browser.into(),
            ip_address: from.address.to_owned(),
            device_id: from.device.map(|byte| vec![byte; 16]).unwrap_or_default(),
            ..Default::default()
        }),
    };
    service.auth().login(from_web_service(request)).await?;
    Ok(())
}

fn is_wrong(answer: &Result<(), Status>) -> bool {
    answer
        .as_ref()
        .is_err_and(|status| status.code() == Code::Unauthenticated)
}

/// How long one is asked to wait, in milliseconds.
fn wait(answer: Result<(), Status>) -> u128 {
    let status = answer.unwrap_err();
    let details = status.get_error_details();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert_eq!(details.error_info().unwrap().reason, "THROTTLED");
    details
        .retry_info()
        .unwrap()
        .retry_delay
        .unwrap()
        .as_millis()
}

async fn service() -> TestService {
    let service = TestService::start().await;
    service.add_user("ada", false).await;
    service
}

#[tokio::test]
async fn wrong_passwords_cause_growing_delay_until_right_one() {
    let service = service().await;
    let here = from("192.0.2.1");
    for _ in 0..5 {
        assert!(is_wrong(&try_login(&service, "ada", WRONG, here).await));
    }
    for expected in [1000, 2000, 4000] {
        let answer = try_login(&service, "ada", PASSWORD, here).await;
        assert_eq!(wait(answer), expected, "even with the right password");
        service.clock.advance(std::time::Duration::from_millis(
            expected.try_into().unwrap(),
        ));
        assert!(is_wrong(&try_login(&service, "ADA", WRONG, here).await));
    }
    service.clock.advance(seconds(8));
    try_login(&service, "ada", PASSWORD, here).await.unwrap();
    // From now on the place is known.
    for _ in 0..30 {
        assert!(is_wrong(&try_login(&service, "ada", WRONG, here).await));
    }
}

#[tokio::test]
async fn unknown_usernames_are_counted_like_known_ones() {
    let service = service().await;
    let mut answers = Vec::new();
    for name in ["ada", "nobody", "no name at all"] {
        let mut told = Vec::new();
        for _ in 0..7 {
            let status = try_login(&service, name, WRONG, from("192.0.2.1"))
                .await
                .unwrap_err();
            told.push((
                status.code(),
                status.message().to_owned(),
                status.details().to_vec(),
            ));
        }
        answers.push(told);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
}

#[tokio::test]
async fn concurrent_attempts_hash_no_more_than_limit() {
    let service = service().await;
    let guesses = (0..50).map(|_| try_login(&service, "ada", WRONG, from("192.0.2.1")));
    let hashed = join_all(guesses)
        .await
        .iter()
        .filter(|answer| is_wrong(answer))
        .count();
    assert_eq!(hashed, 5);
}

#[tokio::test]
async fn distributed_guessing_locks_out_no_known_location() {
    let service = service().await;
    let (home, laptop) = (
        from("198.51.100.7"),
        From {
            address: "198.51.100.8",
            device: Some(7),
        },
    );
    for known in [home, laptop] {
        try_login(&service, "ada", PASSWORD, known).await.unwrap();
    }
    let mut hashed = 0;
    for round in 0..10 {
        for host in 0..100 {
            let address = format!("203.0.113.{host}");
            let answer = try_login(&service, "ada", WRONG, from(&address)).await;
            hashed += usize::from(is_wrong(&answer));
        }
        service.clock.advance(minutes(1));
        try_login(&service, "ada", PASSWORD, home).await.unwrap();
        let elsewhere = From {
            address: "203.0.113.200",
            ..laptop
        };
        let on_the_road = try_login(&service, "ada", PASSWORD, elsewhere).await;
        assert!(on_the_road.is_ok(), "round {round}: {on_the_road:?}");
    }
    assert!(hashed <= 100, "{hashed}");
    assert!(hashed >= 90, "{hashed}");

    let nowhere_known = try_login(&service, "ada", PASSWORD, from("192.0.2.99")).await;
    let left = wait(nowhere_known);
    service
        .clock
        .advance(std::time::Duration::from_millis(left.try_into().unwrap()));
    try_login(&service, "ada", PASSWORD, from("192.0.2.99"))
        .await
        .unwrap();
}

#[tokio::test]
async fn location_is_known_for_thirty_days_or_until_new_password() {
    let service = service().await;
    let home = from("198.51.100.7");
    let exhaust = async || {
        for host in 0..100 {
            let address = format!("203.0.113.{host}");
            let _ = try_login(&service, "ada", WRONG, from(&address)).await;
        }
    };
    try_login(&service, "ada", PASSWORD, home).await.unwrap();
    service.clock.advance(minutes(60 * 24 * 30));
    exhaust().await;
    wait(try_login(&service, "ada", PASSWORD, home).await);

    service.clock.advance(minutes(60));
    try_login(&service, "ada", PASSWORD, home).await.unwrap();
    let new = "quite another long password";
    let token = service.tokens("ada", "account").await.access_token;
    let request = bearer(change_password(PASSWORD, new), &token);
    service.account().change_password(request).await.unwrap();
    exhaust().await;
    wait(try_login(&service, "ada", new, home).await);
}

#[tokio::test]
async fn address_trying_many_usernames_is_limited_alone() {
    let service = service().await;
    let spray = "192.0.2.1";
    for number in 0..100 {
        let answer = try_login(&service, &format!("name{number}"), WRONG, from(spray)).await;
        assert!(is_wrong(&answer), "{number}");
    }
    wait(try_login(&service, "ada", PASSWORD, from(spray)).await);
    try_login(&service, "ada", PASSWORD, from("192.0.2.2"))
        .await
        .unwrap();
}

/// Whoever shares an address with somebody can say that they are another browser each time.
#[tokio::test]
async fn unknown_devices_at_known_address_share_one_limit() {
    let service = service().await;
    let here = "198.51.100.7";
    try_login(&service, "ada", PASSWORD, from(here))
        .await
        .unwrap();
    let guess = async |device: u8| {
        let from = From {
            address: here,
            device: Some(device),
        };
        try_login(&service, "ada", WRONG, from).await
    };
    for device in 0..30 {
        assert!(is_wrong(&guess(device).await), "{device}");
    }
    wait(guess(30).await);

    // The owner's successes renew that budget, and not for ever.
    let mut wrong = 30;
    while wrong < 1000 {
        service.clock.advance(seconds(20));
        if let Err(status) = try_login(&service, "ada", PASSWORD, from(here)).await {
            assert_eq!(status.code(), Code::ResourceExhausted);
            break;
        }
        for device in 0..29 {
            wrong += i32::from(is_wrong(&guess(device).await));
        }
    }
    assert!((90..=110).contains(&wrong), "{wrong}");
}

#[tokio::test]
async fn password_change_has_its_own_limit() {
    let service = service().await;
    let token = service.tokens("ada", "account").await.access_token;
    let new = "quite another long password";
    for host in 0..120 {
        let address = format!("203.0.113.{host}");
        let _ = try_login(&service, "ada", WRONG, from(&address)).await;
    }
    let mut account = service.account();
    for _ in 0..30 {
        let refused = account
            .change_password(bearer(change_password(WRONG, new), &token))
            .await;
        assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    }
    let refused = account
        .change_password(bearer(change_password(PASSWORD, new), &token))
        .await;
    assert_refused(refused, Code::ResourceExhausted, "THROTTLED");
    service.clock.advance(seconds(1));
    let changed = account
        .change_password(bearer(change_password(PASSWORD, new), &token))
        .await;
    assert!(changed.is_ok(), "{changed:?}");
}

#[tokio::test]
async fn refresh_beyond_sixty_a_minute_is_throttled_and_ends_nothing() {
    let service = service().await;
    let mut token = service.tokens("ada", "").await.refresh_token;
    // The ticket's exchange was the first.
    let mut count = 1;
    for _round in 0..rounds(2) {
        for _ in count..60 {
            token = service.try_refresh(&token).await.unwrap().refresh_token;
        }
        let refused = service.try_refresh(&token).await;
        assert_refused(refused, Code::ResourceExhausted, "THROTTLED");
        service.clock.advance(minutes(1));
        count = 0;
    }
    assert!(service.try_refresh(&token).await.is_ok());
}

#[tokio::test]
async fn outdated_hash_is_replaced() {
    let service = service().await;
    let hash = async |service: &TestService| {
        let file = service.directory.path().join("auth.db");
        let database = sqlx::SqlitePool::connect(&format!("sqlite:{}", file.display())).await;
        let hash: (String,) = sqlx::query_as("SELECT password_hash FROM users")
            .fetch_one(&database.unwrap())
            .await
            .unwrap();
        hash.0
    };
    let before = hash(&service).await;
    let first = service.tokens("ada", "").await;
    assert_eq!(hash(&service).await, before, "nothing has grown");

    let (directory, clock) = (service.directory.clone(), service.clock.clone());
    let service = TestService::start_in(directory, clock, |config| {
        let cost = Cost {
            memory: 128,
            iterations: 2,
            parallelism: 1,
        };
        config.hashing.params = cost.params().unwrap();
    })
    .await;
    assert!(service.try_login("ada", WRONG).await.is_err());
    assert_eq!(hash(&service).await, before);
    service.login("ada").await;
    let after = hash(&service).await;
    assert!(after.contains("m=128,t=2"), "{after}");
    service.login("ada").await;
    assert_eq!(hash(&service).await, after);
    assert!(
        service.try_refresh(&first.refresh_token).await.is_ok(),
        "no login ended"
    );
}

/// Signs in so often, some at once and no more than a busy machine can hash; gives how often that was throttled.
async fn sign_in_often(service: &TestService, times: usize, from: From<'_>) -> usize {
    let mut throttled = 0;
    for _ in 0..times / 10 {
        let some = (0..10).map(|_| try_login(service, "ada", PASSWORD, from));
        for refused in join_all(some).await.into_iter().filter_map(Result::err) {
            assert!(wait(Err(refused)) > 0);
            throttled += 1;
        }
    }
    throttled
}

#[tokio::test]
async fn right_passwords_are_limited_for_each_location() {
    let service = service().await;
    let (home, device) = (from("192.0.2.1"), Some(7));
    let phone = From {
        device,
        ..from("192.0.2.2")
    };
    for place in [home, phone] {
        try_login(&service, "ada", PASSWORD, place).await.unwrap();
    }
    // The first one made the place known.
    let job = from("198.51.100.1");
    try_login(&service, "ada", PASSWORD, job).await.unwrap();
    assert_eq!(sign_in_often(&service, 620, job).await, 20);
    let waits = wait(try_login(&service, "ada", PASSWORD, job).await);
    assert_eq!(waits, 600_000);
    assert!(
        wait(try_login(&service, "ada", WRONG, job).await) > 0,
        "nothing is told"
    );
    for place in [home, phone, from("203.0.113.1")] {
        try_login(&service, "ada", PASSWORD, place).await.unwrap();
    }
    service.clock.advance(minutes(10));
    try_login(&service, "ada", PASSWORD, job).await.unwrap();
}
