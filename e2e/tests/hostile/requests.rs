//! Every route of web-service, with invalid requests.

use e2e::pair::Pair;
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use web_service::http::ROUTES;

use crate::seed::{Seed, tries};

const METHODS: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "BREW",
];

/// The identifier of no login and no grant.
const ID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

/// One path for each pattern of the route table: a route that is added is tried, too.
fn paths() -> Vec<String> {
    let mut paths: Vec<_> = ROUTES
        .iter()
        .map(|route| route.path)
        .map(|path| path.replace("{sid}", ID).replace("{id}", ID))
        .map(|path| path.replace("{*path}", "nothing/here"))
        .collect();
    paths.dedup();
    assert!(paths.len() > 20, "{paths:?}");
    paths
}

/// Other spellings of a path, which must not have another meaning.
fn spellings(path: &str) -> Vec<String> {
    vec![
        path.to_owned(),
        format!("{path}/"),
        format!("/{path}"),
        format!("{path}?{}", "a=b&".repeat(200)),
        format!("{path}?next=%00%ff&next=//evil.example&%5B%5D=x"),
        path.replacen('/', "/%2e%2e/", 1),
        path.replacen('/', "/./", 1),
        format!("{path}%00"),
        format!("{path}%0d%0aSet-Cookie:%20a=b"),
        format!("{path};jsessionid=1"),
        path.to_uppercase(),
    ]
}

type Headers = Vec<(&'static str, Vec<u8>)>;

/// Header fields of the requests. None of them passes the CSRF check.
fn headers(cookie: &str) -> Vec<Headers> {
    let mut headers = credentials(cookie);
    headers.extend(other_headers(cookie));
    headers
}

fn credentials(cookie: &str) -> Vec<Headers> {
    let text = |text: &str| text.as_bytes().to_vec();
    let long = "x".repeat(12_000);
    vec![
        vec![],
        vec![
            ("cookie", text(cookie)),
            ("sec-fetch-site", text("cross-site")),
        ],
        vec![
            ("cookie", text(cookie)),
            ("sec-fetch-site", text("same-site")),
        ],
        vec![("cookie", text(cookie)), ("origin", text("null"))],
        vec![
            ("cookie", text(cookie)),
            ("origin", text("https://evil.example")),
        ],
        vec![("cookie", format!("{cookie}; {cookie}").into_bytes())],
        vec![("cookie", b"__Host-session=\xff\xfe; \x80".to_vec())],
        vec![("cookie", format!("__Host-session={long}").into_bytes())],
        vec![("cookie", text(";;;=;=,;__Host-session"))],
        vec![("authorization", text("Bearer")), ("cookie", text(cookie))],
        vec![("authorization", format!("Bearer {long}").into_bytes())],
        vec![("authorization", b"Bearer \xff.\xfe.\xfd".to_vec())],
        vec![
            ("authorization", text("Bearer a.b.c")),
            ("authorization", text("Bearer a.b.c")),
        ],
        vec![("authorization", text("Basic YWRhOmFkYQ=="))],
    ]
}

fn other_headers(cookie: &str) -> Vec<Headers> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        vec![
            ("content-type", text("application/json")),
            ("cookie", text(cookie)),
        ],
        vec![("content-type", text("application/json; charset=\"utf-7\""))],
        vec![("content-type", text("application/x-www-form-urlencoded"))],
        vec![("content-type", text("multipart/form-data; boundary=x"))],
        vec![("content-type", b"\xff/\xff".to_vec())],
        vec![
            ("content-type", text("text/plain")),
            ("x-http-method-override", text("DELETE")),
        ],
        vec![(
            "x-forwarded-for",
            text("'; DROP TABLE users; --, 127.0.0.1"),
        )],
        vec![
            ("x-forwarded-host", text("evil.example")),
            ("forwarded", text("for=evil;host=evil")),
        ],
        vec![
            ("x-request-id", text("forged")),
            ("user-agent", b"\xf0\x28\x8c\x28".to_vec()),
        ],
        vec![
            ("accept-language", text(&"a,".repeat(3000))),
            ("range", text("bytes=9-1,-,x")),
        ],
        vec![("expect", text("100-continue")), ("te", text("trailers"))],
        vec![
            ("if-none-match", text("*")),
            ("if-modified-since", text("yesterday")),
        ],
    ]
}

fn bodies() -> Vec<Vec<u8>> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        vec![],
        text("{}"),
        text("null"),
        text(r#"{"username":"mallory","password":"x","username":"ada"}"#),
        text(r#"{"username":["ada"],"password":{"$ne":null}}"#),
        text(r#"{"refresh_token":"hfr_AAAA"}"#),
        text(r#"{"password":1e999}"#),
        text("csrf_token=x&username=mallory&password=y&next=//evil.example&_method=DELETE"),
        text("csrf_token=&csrf_token=&%ff=%fe&="),
        b"\xff\xfe\xfd\x00{".to_vec(),
        "[".repeat(30_000).into_bytes(),
        format!(r#"{{"username":"{}","password":"y"}}"#, "m".repeat(60_000)).into_bytes(),
        vec![b'x'; 64 * 1024 + 1],
        vec![b' '; 1024 * 1024],
    ]
}

struct Target {
    pair: Pair,
    client: Client,
    cookie: String,
    before: Vec<String>,
}

impl Target {
    async fn start() -> Self {
        let pair = Pair::start().await;
        pair.add_user("ada", &[]).await;
        let cookie = pair.site.form_login("ada").await;
        let mut target = Self {
            client: pair.site.client(),
            pair,
            cookie,
            before: Vec::new(),
        };
        target.before = target.state().await;
        target
    }

    /// The state that must not change.
    async fn state(&self) -> Vec<String> {
        let logins = self.pair.site.get("/api/logins", &self.cookie).await;
        assert_eq!(logins.status(), 200, "the session lives");
        let logins: Value = logins.json().await.unwrap();
        let logins = logins["logins"].as_array().unwrap();
        let sids = logins.iter().map(|login| login["sid"].to_string());
        let users = self.pair.command(&["user", "list"], "").await;
        sids.chain([users]).collect()
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, Vec<u8>)],
        body: Vec<u8>,
    ) -> StatusCode {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self
            .client
            .request(method.clone(), self.pair.site.url(path))
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, value.as_slice());
        }
        let answer = request.send().await;
        let answer = answer.unwrap_or_else(|why| panic!("{method} {path} {headers:?}: {why:?}"));
        let status = answer.status();
        assert!(
            !status.is_server_error(),
            "{method} {path} {headers:?}: {status}"
        );
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        status
    }

    async fn is_unharmed(&self) {
        assert_eq!(self.state().await, self.before);
        assert_eq!(
            self.pair
                .site
                .api_login("ada", &self.pair.site.password)
                .await
                .status(),
            200
        );
        for program in [&self.pair.web, &self.pair.auth] {
            let output = program.output();
            assert!(!output.contains("panicked"), "{output}");
        }
    }
}

#[tokio::test]
async fn every_route_rejects_hostile_input_without_effect() {
    let target = Target::start().await;
    let (headers, bodies) = (headers(&target.cookie), bodies());
    let mut sent = 0;
    for path in paths() {
        for spelling in spellings(&path) {
            target.send("GET", &spelling, &headers[0], vec![]).await;
            target
                .send("POST", &spelling, &headers[1], bodies[7].clone())
                .await;
            sent += 2;
        }
        for method in METHODS {
            for headers in &headers {
                target.send(method, &path, headers, vec![]).await;
                sent += 1;
            }
        }
        for body in &bodies {
            for kind in ["application/json", "application/x-www-form-urlencoded"] {
                let kind = [("content-type", kind.as_bytes().to_vec())];
                target.send("POST", &path, &kind, body.clone()).await;
                sent += 1;
            }
        }
    }
    println!("{sent} requests");
    target.is_unharmed().await;
}

#[tokio::test]
async fn every_json_route_rejects_hostile_json_without_failure() {
    let target = Target::start().await;
    let routes: [(&str, &[&str]); 4] = [
        ("/api/login", &["username", "password"]),
        ("/api/refresh", &["refresh_token"]),
        ("/api/session/reauthenticate", &["password"]),
        ("/api/session/token", &["scope"]),
    ];
    let mut seed = Seed::new(0x5eed);
    for _try in 0..tries(400) {
        let (path, names) = *seed.pick(&routes);
        let body = if seed.below(10) == 0 {
            seed.bytes(300)
        } else {
            seed.object(names, 3).to_string().into_bytes()
        };
        let kind = [("content-type", b"application/json".to_vec())];
        let status = target.send("POST", path, &kind, body.clone()).await;
        let is_refusal = [400, 401, 403, 413, 415, 422, 429].contains(&status.as_u16());
        assert!(is_refusal, "{status} {}", String::from_utf8_lossy(&body));
    }
    target.is_unharmed().await;
}
