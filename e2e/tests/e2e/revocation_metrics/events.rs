//! What ends logins, grants and tokens while both services run.

use auth_proto::v1::{
    DeleteUserRequest, DisableClientRequest, DisableUserRequest, EndUserLoginsRequest,
    RevokeTokenRequest, SetPasswordRequest, auth_service_client::AuthServiceClient,
};
use e2e::{
    pair::{KEY_ENCRYPTION_KEY, Pair},
    relying_party::RelyingParty,
    site::Site,
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{
    factors::{remove_factor, require_factor},
    grants::{end_application, exceed_grants, reuse_code, reuse_in_grant},
};

const NEW_PASSWORD: &str = "something else entirely";
/// The number of logins that an account may have.
const MAX_LOGINS: usize = 100;

/// What ends something while both services run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    SignOutPage,
    ApiLogout,
    RevokeRefreshToken,
    RevokeRefreshTokenOfGrant,
    RevokeAccessToken,
    EndLogin,
    EndOtherLogins,
    ChangePassword,
    SetPassword,
    RemoveFactor,
    RequireFactor,
    EndUserLogins,
    DisableUser,
    DisableUserByCommand,
    DeleteUser,
    DisableClient,
    EndApplication,
    ReuseCode,
    SurplusGrant,
    ReuseRefreshToken,
    ReuseRefreshTokenOfGrant,
    SurplusLogin,
    RevokeKeyByCommand,
}

/// An account with a login of a browser and one of an API client.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) cookie: String,
    access_token: String,
    pub(super) refresh_token: String,
}

impl Person {
    /// Adds the account and signs in.
    pub(super) async fn new(pair: &Pair, name: String) -> Self {
        pair.add_user(&name, &[]).await;
        let tokens = pair.site.tokens(&name).await;
        Self {
            cookie: pair.site.form_login(&name).await,
            access_token: text(&tokens["access_token"]),
            refresh_token: text(&tokens["refresh_token"]),
            name,
        }
    }
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Performs the event, on what belongs to a person.
pub(super) async fn end(pair: &Pair, person: &Person, event: Event) {
    let (site, name) = (&pair.site, person.name.as_str());
    match event {
        Event::SignOutPage => {
            let status = site.press("/dashboard", "/logout", &person.cookie).await;
            assert_eq!(status, 303);
        }
        Event::ApiLogout => sign_out(site, &person.access_token).await,
        Event::RevokeRefreshToken => revoke(pair, &person.refresh_token).await,
        Event::RevokeAccessToken => revoke(pair, &person.access_token).await,
        Event::RevokeRefreshTokenOfGrant => {
            revoke(pair, &RelyingParty::sign_in(site, &person.cookie).await).await;
        }
        Event::EndApplication => end_application(site, &person.cookie).await,
        Event::ReuseCode => reuse_code(site, &person.cookie).await,
        Event::SurplusGrant => exceed_grants(site, &person.cookie).await,
        Event::ReuseRefreshTokenOfGrant => reuse_in_grant(site, &person.cookie).await,
        Event::EndLogin => end_login(site, &person.cookie).await,
        Event::EndOtherLogins => {
            let action = "/account/logins/end-others";
            let status = site.press("/account/logins", action, &person.cookie).await;
            assert_eq!(status, 303);
        }
        Event::ChangePassword => {
            let status = site.change_password(&person.cookie, NEW_PASSWORD).await;
            assert_eq!(status, 303);
        }
        Event::SetPassword => set_password(pair, name).await,
        Event::RemoveFactor => remove_factor(site, &person.cookie).await,
        Event::RequireFactor => require_factor(pair, name).await,
        Event::EndUserLogins => {
            let user_id = pair.user_id(name).await;
            let (mut admin, request) = pair.admin(EndUserLoginsRequest { user_id }).await;
            admin.end_user_logins(request).await.unwrap();
        }
        Event::DisableUser => {
            let user_id = pair.user_id(name).await;
            let (mut admin, request) = pair.admin(DisableUserRequest { user_id }).await;
            admin.disable_user(request).await.unwrap();
        }
        Event::DeleteUser => {
            let user_id = pair.user_id(name).await;
            let (mut admin, request) = pair.admin(DeleteUserRequest { user_id }).await;
            admin.delete_user(request).await.unwrap();
        }
        Event::DisableClient => disable_client(pair).await,
        Event::DisableUserByCommand => {
            pair.command(&["user", "disable", name], "").await;
        }
        Event::ReuseRefreshToken => reuse(site, &person.refresh_token).await,
        Event::SurplusLogin => {
            // The person has two, which end.
            for _ in 0..MAX_LOGINS {
                site.tokens(name).await;
            }
        }
        Event::RevokeKeyByCommand => revoke_key(pair).await,
    }
}

async fn sign_out(site: &Site, access_token: &str) {
    let request = site.client().post(site.url("/api/logout"));
    let answer = request.bearer_auth(access_token).send().await.unwrap();
    assert_eq!(answer.status(), 204);
}

async fn end_login(site: &Site, cookie: &str) {
    let path = format!("/api/logins/{}", site.sid(cookie).await);
    delete(site, &path, cookie).await;
}

pub(super) async fn delete(site: &Site, path: &str, cookie: &str) {
    let body = json!({});
    let answer = site.send_json(Method::DELETE, path, cookie, &body).await;
    assert_eq!(answer.status(), 204);
}

async fn reuse(site: &Site, first: &str) {
    let second: Value = refresh(site, first).await.json().await.unwrap();
    let second = text(&second["refresh_token"]);
    assert_eq!(refresh(site, &second).await.status(), 200);
    assert_eq!(refresh(site, first).await.status(), 401);
}

/// `POST /api/refresh`.
pub(super) async fn refresh(site: &Site, refresh_token: &str) -> Response {
    let body = json!({"refresh_token": refresh_token});
    let request = site.client().post(site.url("/api/refresh")).json(&body);
    request.send().await.unwrap()
}

async fn revoke(pair: &Pair, token: &str) {
    let request = RevokeTokenRequest {
        token: token.to_owned(),
        ..Default::default()
    };
    let mut auth = AuthServiceClient::new(pair.grpc().await);
    auth.revoke_token(request).await.unwrap();
}

async fn revoke_key(pair: &Pair) {
    let keys = pair.command(&["key", "list"], "").await;
    // That of access tokens.
    let key = keys.lines().find(|line| line.contains(" EdDSA ")).unwrap();
    let key = key.split(' ').next().unwrap();
    let sealed_by = ["--key-encryption-key", KEY_ENCRYPTION_KEY];
    let revoke = [&["key", "revoke", key][..], &sealed_by].concat();
    pair.command(&revoke, "").await;
}

async fn set_password(pair: &Pair, name: &str) {
    let set = SetPasswordRequest {
        user_id: pair.user_id(name).await,
        new_password: NEW_PASSWORD.to_owned(),
    };
    let (mut admin, request) = pair.admin(set).await;
    admin.set_password(request).await.unwrap();
}

async fn disable_client(pair: &Pair) {
    let client_id = RelyingParty::ID.to_owned();
    let (mut admin, request) = pair.admin(DisableClientRequest { client_id }).await;
    admin.disable_client(request).await.unwrap();
}
