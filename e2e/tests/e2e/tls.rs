use std::{fs, os::unix::fs::symlink, path::Path};

use e2e::{
    pair::{Options, Pair},
    wait::until,
};
use holdfast_core::{
    clock::{Clock as _, SystemClock},
    private_file,
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use reqwest::{Certificate, Client};
use rustix::process::Signal;
use time::Duration;

fn make_certificate(directory: &Path) -> Client {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    private_file::write(&directory.join("own.key"), key.serialize_pem().as_bytes()).unwrap();
    fs::write(directory.join("own.pem"), &certificate).unwrap();
    Client::builder()
        .tls_certs_only([Certificate::from_pem(certificate.as_bytes()).unwrap()])
        .no_proxy()
        .build()
        .unwrap()
}

#[tokio::test]
async fn changed_certificate_is_served_without_restart() {
    let directory = tempfile::tempdir().unwrap();
    let old = make_certificate(directory.path());
    let file = |name: &str| directory.path().join(name).display().to_string();
    let pair = Pair::start_with(Options {
        web: vec![
            ("WEB_TLS_CERT", file("own.pem")),
            ("WEB_TLS_KEY", file("own.key")),
        ],
        ..Options::default()
    });
    let mut pair = pair.await;
    assert!(old.get(pair.site.url("/login")).send().await.is_ok());

    let new = make_certificate(directory.path());

    until("the new certificate", async || {
        new.get(pair.site.url("/login")).send().await.ok()
    })
    .await;

    fs::write(directory.path().join("own.pem"), "half a certificate").unwrap();
    pair.web
        .printed("the changed certificate cannot be used; keeping the current one")
        .await;
    assert!(new.get(pair.site.url("/login")).send().await.is_ok());
}

#[tokio::test]
async fn http_1_1_and_http_2_are_served() {
    let pair = Pair::start().await;
    let authority = fs::read(&pair.site.ca_file).unwrap();
    let builder = || {
        let authority = Certificate::from_pem(&authority).unwrap();
        Client::builder().tls_certs_only([authority]).no_proxy()
    };
    let two = builder()
        .build()
        .unwrap()
        .get(pair.site.url("/login"))
        .send()
        .await
        .unwrap();
    assert_eq!(two.version(), reqwest::Version::HTTP_2);
    let one = builder()
        .http1_only()
        .build()
        .unwrap()
        .get(pair.site.url("/login"))
        .send()
        .await
        .unwrap();
    assert_eq!(one.version(), reqwest::Version::HTTP_11);
}

/// Settings for mutual TLS without a service secret; the certificate of web-service is for `name`.
async fn mutual_tls(directory: &Path, name: &str) -> Pair {
    make_authority(directory, &["localhost", name]);
    let pair = Pair::start_with(mutual_tls_options(directory, name)).await;
    pair.add_user("ada", &[]).await;
    pair
}

fn mutual_tls_options(directory: &Path, name: &str) -> Options {
    let file = |name: &str| directory.join(name).display().to_string();
    Options {
        auth: vec![
            ("AUTH_SERVICE_SECRET", String::new()),
            ("AUTH_TLS_CERT", file("localhost.pem")),
            ("AUTH_TLS_KEY", file("localhost.key")),
            ("AUTH_TLS_CLIENT_CA", file("authority.pem")),
        ],
        web: vec![
            ("WEB_AUTH_SECRET", String::new()),
            ("WEB_AUTH_CA", file("authority.pem")),
            ("WEB_AUTH_CERT", file(&format!("{name}.pem"))),
            ("WEB_AUTH_KEY", file(&format!("{name}.key"))),
        ],
    }
}

#[tokio::test]
async fn client_certificate_is_service_identity_with_mutual_tls() {
    let directory = tempfile::tempdir().unwrap();
    let pair = mutual_tls(directory.path(), "web-service").await;
    let cookie = pair.site.form_login("ada").await;
    assert_eq!(pair.site.get("/dashboard", &cookie).await.status(), 200);
    assert_eq!(pair.site.tokens("ada").await["token_type"], "Bearer");
}

/// Mounts files as Kubernetes mounts a secret: links into `..data`, which is a link that is replaced.
fn mount(directory: &Path, version: &str, names: &[&str]) {
    let data = directory.join("..data");
    let swapped = directory.join("..data_tmp");
    symlink(version, &swapped).unwrap();
    fs::rename(swapped, data).unwrap();
    for name in names {
        let _ = symlink(Path::new("..data").join(name), directory.join(name));
    }
}

#[tokio::test]
async fn services_follow_certificates_of_new_authority() {
    let directory = tempfile::tempdir().unwrap();
    let mounted = |version: &str| {
        fs::create_dir(directory.path().join(version)).unwrap();
        make_authority(
            &directory.path().join(version),
            &["localhost", "web-service"],
        );
        let files = ["authority.pem", "localhost.pem", "localhost.key"];
        let names = [&files[..], &["web-service.pem", "web-service.key"]].concat();
        mount(directory.path(), version, &names);
    };
    mounted("..v1");
    let mut pair = Pair::start_with(mutual_tls_options(directory.path(), "web-service")).await;
    pair.add_user("ada", &[]).await;
    let cookie = pair.site.form_login("ada").await;

    mounted("..v2");

    // Each service uses the new files, also for the open connection. Requests meanwhile may fail until both have done so.
    pair.auth.printed("the changed certificate is in use").await;
    pair.web.printed("the changed certificate is in use").await;
    until("an answer under the new authority", async || {
        let answer = pair.site.try_form_login("ada").await;
        (answer.status() == 303).then_some(())
    })
    .await;
    assert_eq!(pair.site.get("/dashboard", &cookie).await.status(), 200);

    // The new files suffice: each service can connect to the other after a restart.
    pair.auth.signal(Signal::TERM);
    assert!(pair.auth.exit().await.success());
    pair.start_auth_again().await;
    until("an answer of the other start", async || {
        let answer = pair.site.try_form_login("ada").await;
        (answer.status() == 303).then_some(())
    })
    .await;
}

#[tokio::test]
async fn client_certificate_not_accepted_yet_keeps_old_connection() {
    let directory = tempfile::tempdir().unwrap();
    let mut pair = mutual_tls(directory.path(), "web-service").await;
    let strange = tempfile::tempdir().unwrap();
    make_authority(strange.path(), &["web-service"]);
    for name in ["web-service.key", "web-service.pem"] {
        fs::copy(strange.path().join(name), directory.path().join(name)).unwrap();
    }

    pair.web
        .printed("auth-service does not accept the changed client certificate; keeping the current connection")
        .await;

    assert_eq!(pair.site.try_form_login("ada").await.status(), 303);
    let authority = |directory: &Path| fs::read_to_string(directory.join("authority.pem")).unwrap();
    let both = [authority(directory.path()), authority(strange.path())].concat();
    fs::write(directory.path().join("authority.pem"), both).unwrap();
    pair.web
        .printed("new connections to auth-service use the changed certificates")
        .await;
    assert_eq!(pair.site.try_form_login("ada").await.status(), 303);
}

#[tokio::test]
async fn expiring_certificate_is_logged() {
    let directory = tempfile::tempdir().unwrap();
    make_authority_until(
        directory.path(),
        &["localhost", "web-service"],
        Duration::days(13),
    );
    let mut pair = Pair::start_with(mutual_tls_options(directory.path(), "web-service")).await;
    for (program, settings) in [
        (&mut pair.auth, ["AUTH_TLS_CERT", "AUTH_TLS_CLIENT_CA"]),
        (&mut pair.web, ["WEB_AUTH_CERT", "WEB_AUTH_CA"]),
    ] {
        program
            .printed("a certificate expires soon; replace it")
            .await;
        for setting in settings {
            program.printed(&format!("\"setting\":\"{setting}\"")).await;
        }
    }
}

#[tokio::test]
async fn certificate_of_other_name_is_reported_at_sign_in() {
    let directory = tempfile::tempdir().unwrap();
    let mut pair = mutual_tls(directory.path(), "billing").await;
    assert_eq!(pair.site.try_form_login("ada").await.status(), 500);
    pair.web
        .printed("auth-service does not know this service")
        .await;
}

/// Creates an authority, and a certificate with its key for each name.
pub(crate) fn make_authority(directory: &Path, names: &[&str]) {
    make_authority_until(directory, names, Duration::days(365));
}

/// Creates an authority and certificates that expire after `lifetime`.
fn make_authority_until(directory: &Path, names: &[&str], lifetime: Duration) {
    let not_after = SystemClock.now() + lifetime;
    let mut params = CertificateParams::new([]).unwrap();
    params.not_after = not_after;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // With the name of the certificates, OpenSSL would take them for self-signed ones.
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, "authority");
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    fs::write(directory.join("authority.pem"), authority).unwrap();
    let issuer = Issuer::new(params, key);
    for name in names {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([(*name).to_owned()]).unwrap();
        params.not_after = not_after;
        // PostgreSQL identifies a user by it.
        let common_name = &mut params.distinguished_name;
        common_name.push(DnType::CommonName, *name);
        let certificate = params.signed_by(&key, &issuer).unwrap();
        fs::write(directory.join(format!("{name}.pem")), certificate.pem()).unwrap();
        let file = directory.join(format!("{name}.key"));
        private_file::write(&file, key.serialize_pem().as_bytes()).unwrap();
    }
}

#[tokio::test]
async fn tls_off_serves_trusted_proxy_only() {
    let pair = Pair::start_with(Options {
        web: vec![
            ("WEB_TLS", "off".to_owned()),
            ("WEB_TRUSTED_PROXIES", "127.0.0.1/32".to_owned()),
            ("WEB_PUBLIC_URL", "https://id.example".to_owned()),
        ],
        ..Options::default()
    });
    let pair = pair.await;
    let request = Client::builder().no_proxy().build().unwrap();
    let request = request
        .get(format!("http://{}/login", pair.web_address))
        .header("x-forwarded-for", "192.0.2.1");
    let page = request.send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.headers().contains_key("strict-transport-security"));
    let cookie = page.headers()["set-cookie"].to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-") && cookie.contains("Secure"),
        "{cookie}"
    );
    assert!(
        !pair.directory.path().join("ca.pem").exists(),
        "no certificate is made"
    );
}
