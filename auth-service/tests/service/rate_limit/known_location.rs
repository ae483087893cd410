//! Known locations have a rate limit of their own, so that others cannot lock out an account's owner.

use tonic::Code;

use super::{Source, WRONG, is_wrong_password, retry_delay, source, try_login};
use crate::support::{PASSWORD, TestService, bearer, change_password, minutes, seconds};

#[tokio::test]
async fn distributed_guessing_locks_out_no_known_location() {
    let service = TestService::with_user("ada").await;
    let (home, laptop) = (
        source("198.51.100.7"),
        Source {
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
            let answer = try_login(&service, "ada", WRONG, source(&address)).await;
            hashed += usize::from(is_wrong_password(&answer));
        }
        service.clock.advance(minutes(1));
        try_login(&service, "ada", PASSWORD, home).await.unwrap();
        let elsewhere = Source {
            address: "203.0.113.200",
            ..laptop
        };
        let travelling = try_login(&service, "ada", PASSWORD, elsewhere).await;
        assert!(travelling.is_ok(), "round {round}: {travelling:?}");
    }
    assert!(hashed <= 100, "{hashed}");
    assert!(hashed >= 90, "{hashed}");

    let unknown_location = try_login(&service, "ada", PASSWORD, source("192.0.2.99")).await;
    let left = retry_delay(unknown_location);
    service
        .clock
        .advance(std::time::Duration::from_millis(left.try_into().unwrap()));
    try_login(&service, "ada", PASSWORD, source("192.0.2.99"))
        .await
        .unwrap();
}

#[tokio::test]
async fn location_is_known_for_thirty_days_or_until_new_password() {
    let service = TestService::with_user("ada").await;
    let home = source("198.51.100.7");
    let exhaust = async || {
        for host in 0..100 {
            let address = format!("203.0.113.{host}");
            let _ = try_login(&service, "ada", WRONG, source(&address)).await;
        }
    };
    try_login(&service, "ada", PASSWORD, home).await.unwrap();
    service.clock.advance(minutes(60 * 24 * 30));
    exhaust().await;
    retry_delay(try_login(&service, "ada", PASSWORD, home).await);

    service.clock.advance(minutes(60));
    try_login(&service, "ada", PASSWORD, home).await.unwrap();
    let new = "quite another long password";
    let token = service.tokens("ada", "account").await.access_token;
    let request = bearer(change_password(PASSWORD, new), &token);
    service.account().change_password(request).await.unwrap();
    exhaust().await;
    retry_delay(try_login(&service, "ada", new, home).await);
}

/// A client that shares the address can present another device each time.
#[tokio::test]
async fn unknown_devices_at_known_address_share_one_limit() {
    let service = TestService::with_user("ada").await;
    let here = "198.51.100.7";
    try_login(&service, "ada", PASSWORD, source(here))
        .await
        .unwrap();
    let guess = async |device: u8| {
        let from = Source {
            address: here,
            device: Some(device),
        };
        try_login(&service, "ada", WRONG, from).await
    };
    for device in 0..30 {
        assert!(is_wrong_password(&guess(device).await), "{device}");
    }
    retry_delay(guess(30).await);

    // Sign-ins of the owner restore that limit, but not without end.
    let mut wrong = 30;
    while wrong < 1000 {
        service.clock.advance(seconds(20));
        if let Err(status) = try_login(&service, "ada", PASSWORD, source(here)).await {
            assert_eq!(status.code(), Code::ResourceExhausted);
            break;
        }
        for device in 0..29 {
            wrong += i32::from(is_wrong_password(&guess(device).await));
        }
    }
    assert!((90..=110).contains(&wrong), "{wrong}");
}
