//! Rate limits of authentication attempts (ASVS 6.3.1, NIST SP 800-63B-4 §3.2.2).

mod attempts;
mod known_location;

use auth_proto::v1::{Client, ClientKind, LoginRequest};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{TestService, from_web_service};

const WRONG: &str = "a wrong password";

/// The source of an attempt, as web-service states it.
#[derive(Clone, Copy)]
struct Source<'a> {
    address: &'a str,
    device: Option<u8>,
}

const fn source(address: &str) -> Source<'_> {
    Source {
        address,
        device: None,
    }
}

async fn try_login(
    service: &TestService,
    name: &str,
    password: &str,
    source: Source<'_>,
) -> Result<(), Status> {
    let request = LoginRequest {
        username: name.to_owned(),
        password: password.to_owned(),
        client: Some(Client {
            kind: ClientKind::Browser.into(),
            ip_address: source.address.to_owned(),
            device_id: source.device.map(|byte| vec![byte; 16]).unwrap_or_default(),
            ..Default::default()
        }),
    };
    service.auth().login(from_web_service(request)).await?;
    Ok(())
}

fn is_wrong_password(answer: &Result<(), Status>) -> bool {
    answer
        .as_ref()
        .is_err_and(|status| status.code() == Code::Unauthenticated)
}

/// The delay of a throttled attempt, in milliseconds.
fn retry_delay(answer: Result<(), Status>) -> u128 {
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
