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
    site::{Site, form_token},
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
    name: &'static str,
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

    async fn person(&self, name: &'static str) -> Person {
        self.pair.add_user(name, &[]).await;
        self.sign_in(name).await
    }

    async fn sign_in(&self, name: &'static str) -> Person {
        let site = &self.pair.site;
        let cookie = site.form_login(name).await;
        let browser = json(send(site, "POST", "/api/session/token", &cookie).await).await;
        let tokens = site.tokens(name).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let person = Person {
            name,
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

    /// How long until the browser's credentials are refused everywhere.
    async fn time_until_out(&self, person: &Person) -> Duration {
        let begun = Instant::now();
        for (site, client) in [&self.other, &self.pair.site]
            .into_iter()
            .zip(&self.clients)
        {
            let ask = |path| client.get(site.url(path));
            loop {
                let cookie = ask("/api/session").header("cookie", &person.cookie).send();
                let bearer = ask("/api/profile")
                    .bearer_auth(&person.browser_token)
                    .send();
                let (cookie, bearer) = tokio::join!(cookie, bearer);
                if [cookie, bearer].map(|answer| answer.unwrap().status().as_u16()) == [401, 401] {
                    break;
                }
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

/// Posts the first form of a page.
async fn submit(site: &Site, page: &str, action: &str, cookie: &str) -> u16 {
    let html = site.get(page, cookie).await.text().await.unwrap();
    let form = [("csrf_token", form_token(&html))];
    let request = site
        .client()
        .post(site.url(action))
        .header("cookie", cookie);
    let response = request.header("sec-fetch-site", "same-origin").form(&form);
    response.send().await.unwrap().status().as_u16()
}

/// The `sid` of a cookie's session.
async fn sid(site: &Site, cookie: &str) -> String {
    let session = json(site.get("/api/session", cookie).await).await;
    session["sid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn whatever_ends_a_login_ends_it_everywhere_at_once() {
    let world = World::begin().await;
    let site = &world.pair.site;
    let mut times = Vec::new();
    let mut measured = async |person: &Person, how: &'static str| {
        times.push((world.time_until_out(person).await, how));
    };

    let page = world.person("page").await;
    assert_eq!(
        submit(site, "/dashboard", "/logout", &page.cookie).await,
        303
    );
    measured(&page, "sign-out on the page").await;
    assert_eq!(
        bearer_status(site, &page.access_token).await,
        200,
        "another login"
    );

    let rest = world.person("rest").await;
    let elsewhere = world.sign_in_browser("rest").await;
    let path = format!("/api/logins/{}", sid(site, &rest.cookie).await);
    assert_eq!(
        send(&world.other, "DELETE", &path, &elsewhere)
            .await
            .status(),
        204
    );
    measured(&rest, "DELETE /api/logins/{sid} from another browser").await;

    let others = world.person("others").await;
    let elsewhere = world.sign_in_browser("others").await;
    let action = "/account/logins/end-others";
    assert_eq!(
        submit(&world.other, "/account/logins", action, &elsewhere).await,
        303
    );
    measured(&others, "ending all others on the page").await;
    assert_eq!(refresh_status(site, &others.refresh_token).await, 401);
    assert_eq!(
        cookie_status(site, &elsewhere).await,
        200,
        "the one that asked"
    );

    let grpc = world.person("grpc").await;
    let revoke = RevokeTokenRequest {
        token: grpc.refresh_token.clone(),
        ..Default::default()
    };
    let mut auth = AuthServiceClient::new(world.grpc().await);
    auth.revoke_token(revoke).await.unwrap();
    for site in [site, &world.other] {
        assert_eq!(bearer_status(site, &grpc.access_token).await, 401);
        assert_eq!(refresh_status(site, &grpc.refresh_token).await, 401);
    }

    let administrator = world.person("administrator").await;
    let user_id = world.user_id("administrator").await;
    let (mut admin, request) = world.admin(EndUserLoginsRequest { user_id }).await;
    admin.end_user_logins(request).await.unwrap();
    measured(&administrator, "EndUserLogins").await;
    assert_eq!(
        refresh_status(site, &administrator.refresh_token).await,
        401
    );

    let deleted = world.person("deleted").await;
    let user_id = world.user_id("deleted").await;
    let (mut admin, request) = world.admin(DeleteUserRequest { user_id }).await;
    admin.delete_user(request).await.unwrap();
    measured(&deleted, "DeleteUser").await;
    assert_eq!(refresh_status(site, &deleted.refresh_token).await, 401);

    let disabled = world.person("disabled").await;
    world
        .pair
        .command(&["user", "disable", "disabled"], "")
        .await;
    measured(&disabled, "user disable on the command line").await;
    assert_eq!(refresh_status(site, &disabled.refresh_token).await, 401);

    let password = world.person("changed").await;
    let set = ["user", "set-password", "changed", "--password-stdin"];
    world.pair.command(&set, "something else entirely\n").await;
    measured(&password, "a new password").await;
    assert_eq!(refresh_status(site, &password.refresh_token).await, 401);

    times.sort();
    for (time, how) in &times {
        println!("{time:>12.3?}  {how}");
    }
    let median = times[times.len() / 2].0;
    println!("{median:>12.3?}  median");
    assert!(times.last().unwrap().0 < MOST, "{times:?}");
    assert!(median < MEDIAN, "{times:?}");
}

impl World {
    /// One more browser of the same person.
    async fn sign_in_browser(&self, name: &str) -> String {
        self.other.form_login(name).await
    }

    /// Ends everything that a person has without showing their cookie to anybody.
    async fn ended(&self, name: &'static str) -> Person {
        let person = self.person(name).await;
        self.pair.command(&["user", "disable", name], "").await;
        person
    }

    /// Nothing of it came back to life.
    async fn is_out(&self, person: &Person) {
        let site = &self.pair.site;
        until("both services to be ready", async || {
            let root = site.try_form_login("root").await;
            (root.status() == 303).then_some(())
        })
        .await;
        for token in [&person.access_token, &person.browser_token] {
            assert_eq!(bearer_status(site, token).await, 401, "{}", person.name);
        }
        assert_eq!(refresh_status(site, &person.refresh_token).await, 401);
        assert_eq!(cookie_status(site, &person.cookie).await, 401);
    }

    async fn restart_auth(&mut self) {
        self.pair.auth.signal(rustix::process::Signal::KILL);
        self.pair.auth.exit().await;
        self.pair.start_auth_again().await;
    }
}

#[tokio::test]
async fn what_has_ended_stays_ended_whatever_is_restarted() {
    let mut world = World::begin().await;

    let person = world.ended("redis").await;
    world.redis.restart().await;
    world.is_out(&person).await;

    let person = world.ended("auth").await;
    world.restart_auth().await;
    world.is_out(&person).await;

    let person = world.ended("web").await;
    world.pair.restart_web().await;
    world.is_out(&person).await;

    let person = world.ended("all").await;
    world.redis.restart().await;
    world.restart_auth().await;
    world.pair.restart_web().await;
    world.is_out(&person).await;
}

#[tokio::test]
async fn somebody_elses_login_is_not_found() {
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
