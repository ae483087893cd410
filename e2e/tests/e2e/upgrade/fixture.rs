//! Both current services on the data of a fixture.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Parser;
use e2e::{port, redis::Redis};
use holdfast_core::clock::{Clock as _, ManualClock};
use reqwest::{Client, RequestBuilder, Response, redirect::Policy};
use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

#[derive(Parser)]
struct AuthSettings {
    #[command(flatten)]
    settings: auth_service::config::Settings,
}

#[derive(Parser)]
struct WebSettings {
    #[command(flatten)]
    settings: web_service::config::Settings,
}

/// Both current services on the data of a fixture.
pub(super) struct Upgraded {
    /// Times and credentials: `fixture.json`.
    pub(super) fixture: Value,
    pub(super) clock: ManualClock,
    pub(super) origin: String,
    pub(super) client: Client,
    stop: CancellationToken,
    _redis: Redis,
    _directory: TempDir,
}

impl Upgraded {
    /// Both services on each fixture.
    pub(super) async fn start_all() -> [Self; 3] {
        [
            Self::start("upgrade-0001").await,
            Self::start("upgrade-0002").await,
            Self::start("upgrade-0003").await,
        ]
    }

    async fn start(name: &str) -> Self {
        let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data");
        let data = data.join(name);
        let fixture: Value = json_file(&data.join("fixture.json"));
        let directory = tempfile::tempdir().unwrap();
        restore_database(
            &directory.path().join("auth.db"),
            fs::read_to_string(data.join("auth.sql")).unwrap(),
        )
        .await;
        let redis = Redis::start().await;
        restore_redis(&redis, &json_file(&data.join("redis.json"))).await;
        let clock = ManualClock::default();
        let written = fixture["unix_time"].as_i64().unwrap();
        clock.leap(OffsetDateTime::from_unix_timestamp(written).unwrap() - clock.now());

        let stop = CancellationToken::new();
        let data_dir = directory.path().display().to_string();
        let auth = start_auth(&fixture, &data_dir, &redis, &clock, &stop).await;
        let web = start_web(&fixture, &data_dir, &redis, &clock, &stop, auth).await;
        let client = Client::builder().redirect(Policy::none()).no_proxy();
        Self {
            fixture,
            clock,
            origin: format!("http://127.0.0.1:{web}"),
            client: client.build().unwrap(),
            stop,
            _redis: redis,
            _directory: directory,
        }
    }

    /// A text of `fixture.json`, by its JSON pointer.
    pub(super) fn text(&self, pointer: &str) -> &str {
        self.fixture.pointer(pointer).unwrap().as_str().unwrap()
    }

    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.origin))
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Response {
        let request = self.client.post(format!("{}{path}", self.origin));
        request.json(&body).send().await.unwrap()
    }

    pub(super) async fn with_cookie(&self, path: &str, pointer: &str) -> Response {
        let request = self.get(path).header("cookie", self.text(pointer));
        request.send().await.unwrap()
    }

    pub(super) async fn profile_status(&self, token: &str) -> u16 {
        let request = self.get("/api/profile").bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    }

    pub(super) async fn login(&self, username: &str, password: &str) -> Response {
        let body = json!({"username": username, "password": password});
        self.post("/api/login", body).await
    }

    pub(super) async fn refresh(&self, token: &str) -> Response {
        self.post("/api/refresh", json!({"refresh_token": token}))
            .await
    }
}

impl Drop for Upgraded {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn start_auth(
    fixture: &Value,
    data_dir: &str,
    redis: &Redis,
    clock: &ManualClock,
    stop: &CancellationToken,
) -> u16 {
    let text = |name: &str| fixture[name].as_str().unwrap();
    let (port, ops) = (port::free(), port::free());
    let arguments = [
        "auth-service",
        &format!("--listen=127.0.0.1:{port}"),
        &format!("--ops-listen=127.0.0.1:{ops}"),
        &format!("--data-dir={data_dir}"),
        &format!("--redis-url={}", redis.url()),
        &format!("--issuer={}", text("issuer")),
        &format!("--audience={},https://api.example", text("issuer")),
        &format!("--key-encryption-key={}", text("key_encryption_key")),
        &format!("--service-secret={}", text("service_secret")),
    ];
    let settings = AuthSettings::parse_from(arguments).settings;
    let (_, config) = settings.serve().unwrap();
    auth_service::app::install_crypto_providers();
    let app = auth_service::app::App::build(config, Arc::new(clock.clone()));
    tokio::spawn(app.await.unwrap().run(stop.clone()));
    port
}

async fn start_web(
    fixture: &Value,
    data_dir: &str,
    redis: &Redis,
    clock: &ManualClock,
    stop: &CancellationToken,
    auth: u16,
) -> u16 {
    let text = |name: &str| fixture[name].as_str().unwrap();
    let (port, ops) = (port::free(), port::free());
    let arguments = [
        "web-service",
        &format!("--listen=127.0.0.1:{port}"),
        &format!("--ops-listen=127.0.0.1:{ops}"),
        &format!("--data-dir={data_dir}"),
        &format!("--session-store={}", redis.url()),
        &format!("--public-url={}", text("issuer")),
        &format!("--auth-url=http://127.0.0.1:{auth}"),
        &format!("--auth-secret={}", text("service_secret")),
        &format!("--secret-key={}", text("web_secret_key")),
        "--tls=off",
        "--trusted-proxies=127.0.0.1",
    ];
    let settings = WebSettings::parse_from(arguments).settings;
    let (_, config) = settings.serve().unwrap();
    web_service::app::install_crypto_provider();
    let app = web_service::app::App::build(config, Arc::new(clock.clone()));
    tokio::spawn(app.await.unwrap().run(stop.clone()));
    port
}

fn json_file(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

async fn restore_database(file: &Path, sql: String) {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        // The dump has the tables in alphabetical order.
        .foreign_keys(false);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let script = sqlx::raw_sql(sqlx::AssertSqlSafe(sql));
    script.execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Writes the keys of a dump, with the remaining lifetimes that they had.
async fn restore_redis(redis: &Redis, dump: &Value) {
    let client = redis::Client::open(redis.url()).unwrap();
    let mut store = client.get_multiplexed_async_connection().await.unwrap();
    for entry in dump.as_array().unwrap() {
        let key = bytes(&entry["key"]);
        let mut write = match entry["type"].as_str().unwrap() {
            "string" => redis::cmd("SET"),
            "hash" => redis::cmd("HSET"),
            other => panic!("{other}"),
        };
        write.arg(&key);
        match &entry["value"] {
            Value::Array(fields) => write.arg(fields.iter().map(bytes).collect::<Vec<_>>()),
            value => write.arg(bytes(value)),
        };
        let () = write.query_async(&mut store).await.unwrap();
        let ttl = entry["ttl_ms"].as_i64().unwrap();
        let mut expire = redis::cmd("PEXPIRE");
        let () = expire
            .arg(&key)
            .arg(ttl)
            .query_async(&mut store)
            .await
            .unwrap();
    }
}

/// A value in hexadecimal digits.
fn bytes(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap().as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
