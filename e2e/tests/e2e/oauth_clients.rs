//! Clients of other projects at the standard endpoints.

use std::{
    path::PathBuf,
    process::{Output, Stdio},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use e2e::{
    packages,
    pair::{KEY_ENCRYPTION_KEY, Options, PASSWORD, Pair},
    redis::Redis,
    wait::until,
};
use rcgen::KeyPair;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::Command,
};

/// A pair with two OAuth clients, one with a secret and one with a key, and an account.
struct Fixture {
    pair: Pair,
    settings: Vec<(&'static str, String)>,
}

impl Fixture {
    async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    async fn start_with(options: Options) -> Self {
        let pair = Pair::start_with(options).await;
        pair.add_user("ada", &[]).await;
        let origin = pair.site.origin.clone();
        let (public, private) = key();
        let file = pair.directory.path().join("client.jwk");
        std::fs::write(&file, public.to_string()).unwrap();
        let grants = ["--scope", "orders:read", "--audience", &origin];
        let add = [&["client", "add", "orders"], &grants[..]].concat();
        let text = pair.command(&add, "").await;
        let secret = text.trim().strip_prefix("orders ").unwrap().to_owned();
        let jwk = ["client", "add", "signer", "--jwk", file.to_str().unwrap()];
        pair.command(&[&jwk, &grants[..]].concat(), "").await;
        let tokens = pair.site.tokens("ada").await;
        let settings = vec![
            ("ORIGIN", origin),
            ("CLIENT_ID", "orders".to_owned()),
            ("CLIENT_SECRET", secret),
            ("KEY_CLIENT_ID", "signer".to_owned()),
            ("KEY_JWK", private.to_string()),
            (
                "REFRESH_TOKEN",
                tokens["refresh_token"].as_str().unwrap().to_owned(),
            ),
        ];
        Self { pair, settings }
    }

    async fn run(&self, mut command: Command) {
        let ca_file = &self.pair.site.ca_file;
        command
            .envs(
                self.settings
                    .iter()
                    .map(|(name, value)| (*name, value.as_str())),
            )
            .env("NODE_EXTRA_CA_CERTS", ca_file)
            .env("REQUESTS_CA_BUNDLE", ca_file)
            .env("SSL_CERT_FILE", ca_file);
        finish(command).await;
    }
}

/// Generates a key; returns its public and its private JWK.
fn key() -> (Value, Value) {
    let pair = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let x = URL_SAFE_NO_PAD.encode(rcgen::PublicKeyData::der_bytes(&pair));
    // The seed is the last 32 bytes before the public key in PKCS #8, version 2.
    let der = pair.serialize_der();
    let seed = der
        .windows(4)
        .position(|window| window == [0x04, 0x22, 0x04, 0x20])
        .unwrap()
        + 4;
    let d = URL_SAFE_NO_PAD.encode(&der[seed..seed + 32]);
    let public = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
    let private = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "d": d, "alg": "EdDSA"});
    (public, private)
}

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("clients")
        .join(name)
}

#[tokio::test]
async fn node_clients_complete_standard_flows() {
    let fixture = Fixture::start().await;
    // Node resolves modules beside the script.
    let home = packages::of_node();
    let copy = home.join("oauth.mjs");
    std::fs::copy(script("oauth.mjs"), &copy).unwrap();
    let mut node = Command::new("node");
    node.arg(copy);
    fixture.run(node).await;
}

#[tokio::test]
async fn node_clients_complete_dpop_flows() {
    let redis = Redis::start().await;
    let mut options = Options::default();
    options.auth.push(("AUTH_REDIS_URL", redis.url()));
    let mut fixture = Fixture::start_with(options).await;
    // Other instances of both services, as a second entrance to the same installation.
    let (_other_auth, other_auth) = fixture.pair.another_auth().await;
    let way_in = [
        ("WEB_PUBLIC_URL", fixture.pair.site.origin.clone()),
        ("WEB_AUTH_URL", format!("http://{other_auth}")),
    ];
    fixture.pair.options.web.extend(way_in);
    let (_other, other) = fixture.pair.another_web_at().await;
    let other = (
        "OTHER_ORIGIN",
        format!("https://localhost:{}", other.port()),
    );
    let fixture = Fixture {
        settings: [
            fixture.settings,
            vec![other, ("PASSWORD", PASSWORD.to_owned())],
        ]
        .concat(),
        ..fixture
    };
    let home = packages::of_node();
    let copy = home.join("dpop.mjs");
    std::fs::copy(script("dpop.mjs"), &copy).unwrap();
    let mut node = Command::new("node");
    // The other instance has a certificate of its own.
    node.arg(copy).env("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    fixture.run(node).await;
}

#[tokio::test]
async fn python_clients_complete_standard_flows() {
    let fixture = Fixture::start().await;
    let mut python = Command::new("python3");
    python
        .arg(script("oauth.py"))
        .env("PYTHONPATH", packages::of_python());
    fixture.run(python).await;
}

/// Calls `ext_authz` with the Envoy definitions for Python.
#[tokio::test]
async fn ext_authz_decides_as_forward_auth_does() {
    let listen = format!("127.0.0.1:{}", e2e::port::free());
    let pair = Pair::start_with(Options {
        web: vec![
            ("WEB_EXT_AUTHZ_LISTEN", listen.clone()),
            ("WEB_RETURN_ORIGINS", "https://app.example".to_owned()),
        ],
        ..Options::default()
    })
    .await;
    pair.add_user("ada", &[]).await;
    let cookie = pair.site.form_login("ada").await;
    let tokens = pair.site.tokens("ada").await;
    let ended = pair.site.tokens("ada").await;
    let ended = ended["access_token"].as_str().unwrap();
    assert_eq!(answers_to(&pair, ended).await, [200, 200, 200]);
    let request = pair.site.client().post(pair.site.url("/api/logout"));
    let answer = request.bearer_auth(ended).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(
        answers_to(&pair, ended).await,
        [401, 0, 401],
        "at the same moment"
    );
    let mut python = Command::new("python3");
    python
        .arg(script("ext_authz.py"))
        .env("ENDED_TOKEN", ended)
        .env("PYTHONPATH", packages::of_python())
        .env("EXT_AUTHZ", listen)
        .env("COOKIE", cookie)
        .env("ACCESS_TOKEN", tokens["access_token"].as_str().unwrap());
    finish(python).await;
}

/// The status of `/auth/verify`, of introspection (0: inactive) and of `/api/profile`, which calls `ValidateToken`.
async fn answers_to(pair: &Pair, token: &str) -> [u16; 3] {
    let site = &pair.site;
    let status = async |path: &str| {
        let request = site.client().get(site.url(path)).bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    };
    let add = ["client", "add", "asking", "--audience", &site.origin];
    let secret = match pair.try_command(&add).await {
        Ok(text) => text.trim().strip_prefix("asking ").unwrap().to_owned(),
        Err(_taken) => {
            let text = pair
                .command(&["client", "rotate-secret", "asking"], "")
                .await;
            text.trim().strip_prefix("asking ").unwrap().to_owned()
        }
    };
    let request = site.client().post(site.url("/oauth2/introspect"));
    let request = request
        .basic_auth("asking", Some(secret))
        .form(&[("token", token)]);
    let introspection: Value = request.send().await.unwrap().json().await.unwrap();
    let introspected = if introspection["active"] == true {
        200
    } else {
        0
    };
    [
        status("/auth/verify").await,
        introspected,
        status("/api/profile").await,
    ]
}

async fn finish(mut command: Command) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().await.unwrap();
    let text = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    assert!(
        status.success() && text.contains("all checks passed"),
        "{text}"
    );
}

/// A library that has loaded the keys loads a new one when a token names it.
#[tokio::test]
async fn jose_key_set_follows_key_rotation() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let copy = packages::of_node().join("jwks_rotation.mjs");
    std::fs::copy(script("jwks_rotation.mjs"), &copy).unwrap();
    let mut node = Command::new("node")
        .arg(copy)
        .env("ORIGIN", &pair.site.origin)
        .env("NODE_EXTRA_CA_CERTS", &pair.site.ca_file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = node.stdin.take().unwrap();
    let mut output = BufReader::new(node.stdout.take().unwrap()).lines();
    let mut verify = async || {
        let tokens = pair.site.tokens("ada").await;
        let line = format!("{}\n", tokens["access_token"].as_str().unwrap());
        input.write_all(line.as_bytes()).await.unwrap();
        output.next_line().await.unwrap().unwrap()
    };
    let first = verify().await;
    // After a revocation the next key signs without being published first.
    let revoke = [
        "key",
        "revoke",
        &first,
        "--key-encryption-key",
        KEY_ENCRYPTION_KEY,
    ];
    pair.command(&revoke, "").await;
    until("the next key to sign", async || {
        (verify().await != first).then_some(())
    })
    .await;
    let second = verify().await;
    assert!(second.len() == first.len(), "{first} {second}");
    drop(input);
    assert!(node.wait().await.unwrap().success());
}
