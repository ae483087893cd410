//! Clients that sign in, check, refresh and end, through every web-service in turn.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

use crate::{
    history::{Answer, Credential, Event, History, Request},
    site::{Site, cookie_of, form_token},
};

/// How many clients there are of each kind.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// Clients of the REST API.
    pub programs: usize,
    /// Browsers.
    pub browsers: usize,
}

/// Checks of a login before its refresh, before its end and after it.
const CHECKS: usize = 6;
/// Time after which a request must have had an answer other than a failure.
const PATIENCE: Duration = Duration::from_mins(1);
/// Pause between two requests of a client.
const PAUSE: Duration = Duration::from_millis(40);

/// Longer than any answer takes.
const CLIENT_DEADLINE: Duration = Duration::from_secs(15);

/// An instance of web-service, or what stands before several, as its clients see it.
#[derive(Clone)]
pub struct Door {
    /// Its origin.
    pub site: Site,
    /// An HTTP client that keeps its connections.
    pub client: Client,
}

impl Door {
    /// The door to a site.
    #[must_use]
    pub fn new(site: Site) -> Self {
        let client = site.client_with(|builder| builder.timeout(CLIENT_DEADLINE));
        Self { site, client }
    }
}

/// Running clients.
pub struct Clients {
    history: History,
    is_over: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

/// One client. Each of its requests goes to the next web-service.
struct Session {
    doors: Vec<Door>,
    history: History,
    logins: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    turn: usize,
    account: String,
    login: usize,
}

impl Clients {
    /// Starts the clients, which sign in to these accounts.
    #[must_use]
    pub fn start(crowd: Crowd, doors: &[Door], accounts: &[String]) -> Self {
        let mut clients = Self {
            history: History::default(),
            is_over: Arc::default(),
            tasks: JoinSet::new(),
        };
        let logins = Arc::new(AtomicUsize::new(0));
        for number in 0..crowd.programs + crowd.browsers {
            let mut session = Session {
                doors: doors.to_vec(),
                history: clients.history.clone(),
                logins: logins.clone(),
                is_over: clients.is_over.clone(),
                turn: number,
                account: accounts[number % accounts.len()].clone(),
                login: 0,
            };
            clients.tasks.spawn(async move {
                while !session.is_over() {
                    session.login = session.logins.fetch_add(1, Ordering::Relaxed);
                    if number < crowd.programs {
                        session.live_as_program().await;
                    } else {
                        session.live_as_browser().await;
                    }
                }
            });
        }
        clients
    }

    /// Lets each client finish with its login, and returns the history.
    pub async fn finish(self) -> History {
        self.is_over.store(true, Ordering::Relaxed);
        self.tasks.join_all().await;
        self.history
    }
}

/// Presents a credential to a web-service until there is an answer.
pub async fn present(door: &Door, credential: &Credential) -> Answer {
    let first = Instant::now();
    loop {
        let request = match credential {
            Credential::AccessToken(token) => {
                let request = door.client.get(door.site.url("/api/profile"));
                request.bearer_auth(token)
            }
            Credential::Cookie(cookie) => {
                let request = door.client.get(door.site.url("/api/session"));
                request.header("cookie", cookie)
            }
        };
        match classify(request.send().await).await.0 {
            Answer::Unavailable(why) => {
                assert!(first.elapsed() < PATIENCE, "no answer: {why}");
                sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

impl Session {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn door(&mut self) -> Door {
        self.turn += 1;
        self.doors[self.turn % self.doors.len()].clone()
    }

    /// A login of a program, from sign-in to some checks after its end.
    async fn live_as_program(&mut self) {
        let Some(fresh) = self.sign_in().await else {
            return sleep(PAUSE).await;
        };
        self.check_token(&fresh, CHECKS).await;
        let Some(tokens) = self.refresh(&fresh).await else {
            return;
        };
        self.check_token(&tokens, CHECKS).await;
        let access_token = text(&tokens, "access_token");
        let end = |door: &Door| {
            let request = door.client.post(door.site.url("/api/logout"));
            request.bearer_auth(&access_token)
        };
        if self.end(end).await {
            let credential = Credential::AccessToken(access_token.clone());
            self.history.add_ended(credential);
        }
        self.check_token(&tokens, CHECKS).await;
        // An ended login gives out no tokens.
        let presented = text(&tokens, "refresh_token");
        self.try_refresh(&presented).await;
    }

    /// A login of a browser.
    async fn live_as_browser(&mut self) {
        let Some(cookie) = self.sign_in_with_form().await else {
            return sleep(PAUSE).await;
        };
        self.check_cookie(&cookie, CHECKS * 2).await;
        let Some(page) = self.csrf_token(&cookie).await else {
            return;
        };
        let end = |door: &Door| {
            let request = door.client.post(door.site.url("/logout"));
            let request = request.header("cookie", &cookie);
            let request = request.header("sec-fetch-site", "same-origin");
            request.form(&[("csrf_token", &page)])
        };
        if self.end(end).await {
            self.history.add_ended(Credential::Cookie(cookie.clone()));
        }
        self.check_cookie(&cookie, CHECKS).await;
    }

    async fn sign_in(&mut self) -> Option<Value> {
        let door = self.door();
        let body = json!({"username": self.account, "password": door.site.password});
        let request = door.client.post(door.site.url("/api/login")).json(&body);
        let (answer, response) = self.send(Request::SignIn, request).await;
        (answer == Answer::Done).then_some(())?;
        response?.json().await.ok()
    }

    async fn sign_in_with_form(&mut self) -> Option<String> {
        let door = self.door();
        let page = door.client.get(door.site.url("/login")).send().await.ok()?;
        let cookie = cookie_of(&page, "__Host-login")?;
        let token = form_token(&page.text().await.ok()?);
        let form = [
            ("username", self.account.as_str()),
            ("password", &door.site.password),
            ("csrf_token", &token),
        ];
        let request = door.client.post(door.site.url("/login"));
        let request = request.header("cookie", cookie);
        let request = request.header("origin", door.site.url("")).form(&form);
        let (_, response) = self.send(Request::SignIn, request).await;
        cookie_of(&response?, "__Host-session")
    }

    /// The CSRF token of a page; `None` if the session is refused.
    async fn csrf_token(&mut self, cookie: &str) -> Option<String> {
        let first = Instant::now();
        loop {
            let door = self.door();
            let page = door.client.get(door.site.url("/dashboard"));
            let began = Instant::now();
            let (answer, page) = classify(page.header("cookie", cookie).send().await).await;
            match page {
                Some(page) if page.status() == 200 => {
                    if let Ok(page) = page.text().await {
                        return Some(form_token(&page));
                    }
                }
                // To the sign-in page.
                Some(_) => {
                    let refused = Answer::Refused("SESSION_MISSING by the page".to_owned());
                    self.record(Request::Check, refused, began);
                    return None;
                }
                None => {}
            }
            assert!(first.elapsed() < PATIENCE, "no page: {answer:?}");
            sleep(PAUSE).await;
        }
    }

    async fn check_token(&mut self, tokens: &Value, times: usize) {
        for _ in 0..times {
            let door = self.door();
            let request = door.client.get(door.site.url("/api/profile"));
            let request = request.bearer_auth(text(tokens, "access_token"));
            self.send(Request::Check, request).await;
            sleep(PAUSE).await;
        }
    }

    async fn check_cookie(&mut self, cookie: &str, times: usize) {
        for _ in 0..times {
            let door = self.door();
            let request = door.client.get(door.site.url("/api/session"));
            let request = request.header("cookie", cookie);
            self.send(Request::Check, request).await;
            sleep(PAUSE).await;
        }
    }

    /// Presents a refresh token until there is an answer; `None` if it is refused.
    async fn refresh(&mut self, tokens: &Value) -> Option<Value> {
        let presented = text(tokens, "refresh_token");
        let first = Instant::now();
        loop {
            match self.try_refresh(&presented).await {
                (Answer::Done, tokens) => return tokens,
                (Answer::Refused(_), _) => return None,
                (Answer::Unavailable(why), _) => {
                    assert!(first.elapsed() < PATIENCE, "no refresh: {why}");
                    sleep(PAUSE * 5).await;
                }
            }
        }
    }

    async fn try_refresh(&mut self, presented: &str) -> (Answer, Option<Value>) {
        let door = self.door();
        let began = Instant::now();
        let request = door.client.post(door.site.url("/api/refresh"));
        let response = request.json(&json!({"refresh_token": presented})).send();
        let (mut answer, response) = classify(response.await).await;
        let tokens = match response {
            Some(response) => response.json::<Value>().await.ok(),
            None => None,
        };
        if answer == Answer::Done && tokens.is_none() {
            answer = Answer::Unavailable("half an answer".to_owned());
        }
        let successor = tokens.as_ref().map(|tokens| text(tokens, "refresh_token"));
        let presented = presented.to_owned();
        self.record(
            Request::Refresh {
                presented,
                successor,
            },
            answer.clone(),
            began,
        );
        (answer, tokens)
    }

    /// Sends an end until it is acknowledged; false if it was refused.
    async fn end(&mut self, request: impl Fn(&Door) -> RequestBuilder) -> bool {
        let first = Instant::now();
        let mut may_be_made = false;
        loop {
            let door = self.door();
            let request = request(&door);
            let (answer, _) = self.send(Request::End, request).await;
            match answer {
                Answer::Done => return true,
                // One before had been made, without an answer.
                Answer::Refused(_) => {
                    if may_be_made {
                        self.record(Request::End, Answer::Done, Instant::now());
                    }
                    return may_be_made;
                }
                Answer::Unavailable(why) => {
                    assert!(first.elapsed() < PATIENCE, "no end: {why}");
                    may_be_made = true;
                    sleep(PAUSE * 5).await;
                }
            }
        }
    }

    async fn send(&self, about: Request, request: RequestBuilder) -> (Answer, Option<Response>) {
        let began = Instant::now();
        let (answer, response) = classify(request.send().await).await;
        self.record(about, answer.clone(), began);
        (answer, response)
    }

    fn record(&self, request: Request, answer: Answer, began: Instant) {
        self.history.record(Event {
            login: self.login,
            request,
            answer,
            began,
            ended: Instant::now(),
        });
    }
}

async fn classify(response: reqwest::Result<Response>) -> (Answer, Option<Response>) {
    let response = match response {
        Ok(response) => response,
        Err(why) => return (Answer::Unavailable(format!("{why:?}")), None),
    };
    let status = response.status().as_u16();
    match status {
        200 | 204 | 303 => (Answer::Done, Some(response)),
        401 => {
            let body = response.text().await.unwrap_or_default();
            (Answer::Refused(body), None)
        }
        _ => {
            let has_retry_after = response.headers().contains_key("retry-after");
            let body = response.text().await.unwrap_or_default();
            let note = format!("{status}, Retry-After {has_retry_after}: {body}");
            (Answer::Unavailable(note), None)
        }
    }
}

fn text(tokens: &Value, name: &str) -> String {
    tokens[name].as_str().unwrap_or_default().to_owned()
}
