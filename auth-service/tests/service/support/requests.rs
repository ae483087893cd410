//! Messages and metadata of requests.

use auth_proto::v1::{
    ChangePasswordRequest, Client, ClientKind, IssueTokenRequest, LoginRequest,
    issue_token_request::Grant,
};
use tonic::{Request, metadata::MetadataValue};

use super::{PASSWORD, SERVICE_SECRET};

pub(crate) fn with_ticket(ticket: &str, scope: &str) -> IssueTokenRequest {
    IssueTokenRequest {
        grant: Some(Grant::LoginTicket(ticket.to_owned())),
        scope: scope.to_owned(),
        ..Default::default()
    }
}

pub(crate) fn with_refresh(token: &str) -> IssueTokenRequest {
    IssueTokenRequest {
        grant: Some(Grant::RefreshToken(token.to_owned())),
        ..Default::default()
    }
}

pub(crate) fn change_password(current: &str, new: &str) -> ChangePasswordRequest {
    ChangePasswordRequest {
        current_password: current.to_owned(),
        new_password: new.to_owned(),
        client: None,
    }
}

/// The request on behalf of a browser.
pub(crate) fn for_browser_use(request: IssueTokenRequest) -> IssueTokenRequest {
    IssueTokenRequest {
        client: Some(for_browser()),
        ..request
    }
}

/// The request that web-service sends when `ada` signs in with a browser.
pub(crate) fn browser_login() -> LoginRequest {
    LoginRequest {
        username: "ada".to_owned(),
        password: PASSWORD.to_owned(),
        client: Some(for_browser()),
    }
}

/// The client info of a browser.
fn for_browser() -> Client {
    Client {
        kind: ClientKind::Browser.into(),
        ..Default::default()
    }
}

/// The request with a bearer token.
pub(crate) fn bearer<T>(message: T, token: &str) -> Request<T> {
    with_metadata(message, "authorization", &format!("Bearer {token}"))
}

/// The request with the service identity of web-service.
pub(crate) fn from_web_service<T>(message: T) -> Request<T> {
    with_metadata(message, "holdfast-service-secret", SERVICE_SECRET)
}

pub(crate) fn with_metadata<T>(message: T, name: &'static str, value: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value: MetadataValue<_> = value.parse().unwrap();
    request.metadata_mut().insert(name, value);
    request
}
