//! Alone in its program: how fast an end is felt is measured.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop, and this one tells what it measured"
)]

use std::time::{Duration, Instant};

use auth_proto::v1::{
    DeleteUserRequest, EndUserLoginsRequest, GetUserRequest, RevokeTokenRequest,
    admin_service_client::AdminServiceClient, auth_service_client::AuthServiceClient,
    get_user_request::Lookup,
};
use e2e::{
    pair::{Options, Pair},
    program::Program,
    redis::Redis,
    site::Site,
    wait::until,
};
use reqwest::Client;
use serde_json::Value;
use tonic::transport::{Channel, Endpoint};

/// From the answer to whoever ended it, until the last instance refuses.
const MOST: Duration = Duration::from_millis(200);
const MEDIAN: Duration = Duration::from_millis(50);

/// Two web-services on one Redis, and one auth-service.
struct World {
    pair: Pair,
    redis: Redis,
    other: Site,
    /// Connected already: what is measured is not their handshake.
    clients: [Client; 2],
    _other_web: Program,
}

/// A signed-in browser and a signed-in API client of the same person.
struct Person {
    name: String,
    cookie: String,
    browser_token: String,
    access_token: String,
    refresh_token: String,
}

impl World {
    async fn begin() -> Self {
        let redis = Redis::start().await;
        let pair = Pair::start_with(Options {
            web: vec![("WEB_SESSION_STORE", redis.url())],
            ..Options::default()
        })
        .await;
        let (other_web, other) = pair.another_web().await;
        pair.add_user("root", &["--admin"]).await;
        Self {
            clients: [other.client(), pair.site.client()],
            pair,
            redis,
            other,
            _other_web: other_web,
        }
    }

    async fn person(&self, name: &str) -> Person {
        self.pair.add_user(name, &[]).await;
        self.sign_in(name).await
    }

    async fn sign_in(&self, name: &str) -> Person {
        let site = &self.pair.site;
        let cookie = site.form_login(name).await;
        let browser = json(send(site, "POST", "/api/session/token", &cookie).await).await;
        let tokens = site.tokens(name).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let person = Person {
            name: name.to_owned(),
            cookie,
            browser_token: text(&browser["access_token"]),
            access_token: text(&tokens["access_token"]),
            refresh_token: text(&tokens["refresh_token"]),
        };
        for site in [&self.pair.site, &self.other] {
            assert_eq!(cookie_status(site, &person.cookie).await, 200, "{name}");
            assert_eq!(bearer_status(site, &person.browser_token).await, 200);
            assert_eq!(bearer_status(site, &person.access_token).await, 200);
        }
        person
    }

    /// How long until all that `way` ended is refused everywhere.
    async fn time_until_out(&self, person: &Person, way: Way) -> Duration {
        let begun = Instant::now();
        for (site, client) in [&self.other, &self.pair.site]
            .into_iter()
            .zip(&self.clients)
        {
            while !person.is_out(site, client, way).await {
                assert!(begun.elapsed() < MOST * 10, "{} is still in", person.name);
            }
        }
        begun.elapsed()
    }

    async fn grpc(&self) -> Channel {
        let url = format!("http://{}", self.pair.auth_address);
        Endpoint::from_shared(url).unwrap().connect().await.unwrap()
    }

    /// An administrator's client.
    async fn admin<T>(&self, message: T) -> (AdminServiceClient<Channel>, tonic::Request<T>) {
        let mut auth = AuthServiceClient::new(self.grpc().await);
        let login = auth_proto::v1::LoginRequest {
            username: "root".to_owned(),
            password: e2e::pair::PASSWORD.to_owned(),
            client: None,
        };
        let ticket = auth.login(login).await.unwrap().into_inner().login_ticket;
        let issue = auth_proto::v1::IssueTokenRequest {
            grant: Some(auth_proto::v1::issue_token_request::Grant::LoginTicket(
                ticket,
            )),
            scope: "admin".to_owned(),
            ..Default::default()
        };
        let issued = auth.issue_token(issue).await.unwrap().into_inner();
        let mut request = tonic::Request::new(message);
        let bearer = format!("Bearer {}", issued.access_token).parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
        (AdminServiceClient::new(self.grpc().await), request)
    }

    async fn user_id(&self, name: &str) -> String {
        let lookup = GetUserRequest {
            lookup: Some(Lookup::Username(name.to_owned())),
        };
        let (mut admin, request) = self.admin(lookup).await;
        let user = admin.get_user(request).await.unwrap().into_inner().user;
        user.unwrap().id
    }
}

async fn send(site: &Site, method: &str, path: &str, cookie: &str) -> reqwest::Response {
    let request = site
        .client()
        .request(method.parse().unwrap(), site.url(path))
        .header("cookie", cookie)
        .header("content-type", "application/json")
        .header("sec-fetch-site", "same-origin");
    request.send().await.unwrap()
}

async fn json(response: reqwest::Response) -> Value {
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

async fn cookie_status(site: &Site, cookie: &str) -> u16 {
    site.get("/api/session", cookie).await.status().as_u16()
}

async fn bearer_status(site: &Site, token: &str) -> u16 {
    let request = site
        .client()
        .get(site.url("/api/profile"))
        .bearer_auth(token);
    request.send().await.unwrap().status().as_u16()
}

async fn refresh_status(site: &Site, token: &str) -> u16 {
    let body = serde_json::json!({"refresh_token": token});
    let request = site.client().post(site.url("/api/refresh")).json(&body);
    request.send().await.unwrap().status().as_u16()
}

/// Posts a form of a page that has nothing but its token.
async fn submit(site: &Site, page: &str, action: &str, cookie: &str) -> u16 {
    let token = site.page_token(page, cookie).await;
    let form = [("csrf_token", token.as_str())];
    site.post_form(action, cookie, &form)
        .await
        .status()
        .as_u16()
}

async fn change_password(site: &Site, cookie: &str) -> u16 {
    let token = site.page_token("/account/password", cookie).await;
    let new = "something else entirely";
    let form = [
        ("csrf_token", token.as_str()),
        ("current_password", e2e::pair::PASSWORD),
        ("new_password", new),
        ("new_password_again", new),
    ];
    let answer = site.post_form("/account/password", cookie, &form).await;
    answer.status().as_u16()
}

/// The `sid` of a cookie's session.
async fn sid(site: &Site, cookie: &str) -> String {
    let session = json(site.get("/api/session", cookie).await).await;
    session["sid"].as_str().unwrap().to_owned()
}

/// What ends logins.
#[derive(Clone, Copy, Debug)]
enum Way {
    SignOutOnThePage,
    ApiLogout,
    EndOneOverRest,
    EndOthersOnThePage,
    RevokeRefreshToken,
    EndUserLogins,
    DeleteUser,
    DisableByCommand,
    PasswordByCommand,
    PasswordOnThePage,
}

impl Way {
    const ALL: [Self; 10] = [
        Self::SignOutOnThePage,
        Self::ApiLogout,
        Self::EndOneOverRest,
        Self::EndOthersOnThePage,
        Self::RevokeRefreshToken,
        Self::EndUserLogins,
        Self::DeleteUser,
        Self::DisableByCommand,
        Self::PasswordByCommand,
        Self::PasswordOnThePage,
    ];

    /// Whether it ends a person's browser, and whether it ends their program.
    const fn ends(self) -> (bool, bool) {
        match self {
            Self::SignOutOnThePage | Self::EndOneOverRest => (true, false),
            Self::ApiLogout | Self::RevokeRefreshToken => (false, true),
            Self::EndOthersOnThePage
            | Self::EndUserLogins
            | Self::DeleteUser
            | Self::DisableByCommand
            | Self::PasswordByCommand
            | Self::PasswordOnThePage => (true, true),
        }
    }
}

impl Person {
    /// Whether all that `way` ends is refused, and the rest is not.
    async fn is_out(&self, site: &Site, client: &Client, way: Way) -> bool {
        let ask = |path| client.get(site.url(path));
        let cookie = ask("/api/session").header("cookie", &self.cookie).send();
        let browser = ask("/api/profile").bearer_auth(&self.browser_token).send();
        let program = ask("/api/profile").bearer_auth(&self.access_token).send();
        let (cookie, browser, program) = tokio::join!(cookie, browser, program);
        let is_out =
            [cookie, browser, program].map(|answer| match answer.unwrap().status().as_u16() {
                401 => true,
                200 => false,
                status => panic!("{}: {status}", self.name),
            });
        let (ends_browser, ends_program) = way.ends();
        is_out == [ends_browser, ends_browser, ends_program]
    }
}

impl World {
    /// Ends what a person has. Where that takes somebody signed in, it is another browser of theirs, so that nobody has seen
    /// the cookie since.
    async fn end(&self, person: &Person, way: Way) {
        let (site, name) = (&self.pair.site, person.name.as_str());
        match way {
            Way::SignOutOnThePage => {
                let status = submit(site, "/dashboard", "/logout", &person.cookie).await;
                assert_eq!(status, 303);
            }
            Way::ApiLogout => {
                let request = site.client().post(site.url("/api/logout"));
                let answer = request.bearer_auth(&person.access_token).send().await;
                assert_eq!(answer.unwrap().status(), 204);
            }
            Way::EndOneOverRest => {
                let path = format!("/api/logins/{}", sid(site, &person.cookie).await);
                let elsewhere = self.other.form_login(name).await;
                let answer = send(&self.other, "DELETE", &path, &elsewhere).await;
                assert_eq!(answer.status(), 204);
            }
            Way::EndOthersOnThePage => {
                let elsewhere = self.other.form_login(name).await;
                let action = "/account/logins/end-others";
                let status = submit(&self.other, "/account/logins", action, &elsewhere).await;
                assert_eq!(status, 303);
                assert_eq!(
                    cookie_status(site, &elsewhere).await,
                    200,
                    "the one that asked"
                );
            }
            Way::RevokeRefreshToken => {
                let request = RevokeTokenRequest {
                    token: person.refresh_token.clone(),
                    ..Default::default()
                };
                let mut auth = AuthServiceClient::new(self.grpc().await);
                auth.revoke_token(request).await.unwrap();
            }
            Way::EndUserLogins => {
                let user_id = self.user_id(name).await;
                let (mut admin, request) = self.admin(EndUserLoginsRequest { user_id }).await;
                admin.end_user_logins(request).await.unwrap();
            }
            Way::DeleteUser => {
                let user_id = self.user_id(name).await;
                let (mut admin, request) = self.admin(DeleteUserRequest { user_id }).await;
                admin.delete_user(request).await.unwrap();
            }
            Way::DisableByCommand => {
                self.pair.command(&["user", "disable", name], "").await;
            }
            Way::PasswordByCommand => {
                let set = ["user", "set-password", name, "--password-stdin"];
                self.pair.command(&set, "something else entirely\n").await;
            }
            Way::PasswordOnThePage => {
                let elsewhere = self.other.form_login(name).await;
                let status = change_password(&self.other, &elsewhere).await;
                assert_eq!(status, 303);
            }
        }
    }

    /// Nothing of it came back to life.
    async fn stays_out(&self, person: &Person, way: Way) {
        let (site, client) = (&self.pair.site, &self.clients[1]);
        assert!(person.is_out(site, client, way).await, "{}", person.name);
        let (_, ends_program) = way.ends();
        let expected = if ends_program { 401 } else { 200 };
        let status = refresh_status(site, &person.refresh_token).await;
        assert_eq!(status, expected, "{}", person.name);
    }

    async fn is_ready(&self) {
        until("both services to be ready", async || {
            let root = self.pair.site.try_form_login("root").await;
            (root.status() == 303).then_some(())
        })
        .await;
    }

    async fn restart_redis(&mut self) {
        self.redis.restart().await;
    }

    async fn restart_auth(&mut self) {
        self.pair.auth.signal(rustix::process::Signal::KILL);
        self.pair.auth.exit().await;
        self.pair.start_auth_again().await;
    }
}

#[tokio::test]
async fn revocation_by_any_cause_ends_login_on_both_instances() {
    let world = World::begin().await;
    let mut times = Vec::new();
    for way in Way::ALL {
        let person = world.person(&format!("{way:?}")).await;
        world.end(&person, way).await;
        times.push((world.time_until_out(&person, way).await, way));
        world.stays_out(&person, way).await;
    }
    times.sort_by_key(|(time, _)| *time);
    for (time, way) in &times {
        println!("{time:>12.3?}  {way:?}");
    }
    let median = times[times.len() / 2].0;
    println!("{median:>12.3?}  median");
    assert!(times.last().unwrap().0 < MOST, "{times:?}");
    assert!(median < MEDIAN, "{times:?}");
}

/// What is restarted after logins have ended.
#[derive(Clone, Copy, Debug)]
enum Restart {
    Redis,
    Auth,
    Web,
    All,
}

#[tokio::test]
async fn ended_login_stays_ended_after_any_restart() {
    let mut world = World::begin().await;
    for restart in [Restart::Redis, Restart::Auth, Restart::Web, Restart::All] {
        let mut people = Vec::new();
        for way in Way::ALL {
            let person = world.person(&format!("{way:?}-{restart:?}")).await;
            world.end(&person, way).await;
            people.push((person, way));
        }
        match restart {
            Restart::Redis => world.restart_redis().await,
            Restart::Auth => world.restart_auth().await,
            Restart::Web => world.pair.restart_web().await,
            Restart::All => {
                world.restart_redis().await;
                world.restart_auth().await;
                world.pair.restart_web().await;
            }
        }
        world.is_ready().await;
        for (person, way) in &people {
            world.stays_out(person, *way).await;
        }
    }
}

#[tokio::test]
async fn login_of_other_account_is_not_found() {
    let pair = Pair::start().await;
    let site = &pair.site;
    for name in ["ada", "bob"] {
        pair.add_user(name, &[]).await;
    }
    let (ada, bob) = (site.form_login("ada").await, site.form_login("bob").await);
    let bobs = sid(site, &bob).await;
    let mut answers = Vec::new();
    for sid in [bobs.as_str(), "67e55044-10b1-426f-9247-bb680e5fe0c8", "x"] {
        let response = send(site, "DELETE", &format!("/api/logins/{sid}"), &ada).await;
        assert_eq!(response.status(), 404);
        answers.push(response.text().await.unwrap());
        let action = format!("/account/logins/{sid}/end");
        assert_eq!(submit(site, "/account/logins", &action, &ada).await, 404);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(cookie_status(site, &bob).await, 200);
}
