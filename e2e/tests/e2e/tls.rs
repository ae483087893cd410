use e2e::{
    pair::{Options, Pair},
    wait::until,
};
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Certificate, Client};
use service_kit::private_file;

fn make_certificate(directory: &std::path::Path) -> Client {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    private_file::write(&directory.join("own.key"), key.serialize_pem().as_bytes()).unwrap();
    std::fs::write(directory.join("own.pem"), &certificate).unwrap();
    Client::builder()
        .tls_certs_only([Certificate::from_pem(certificate.as_bytes()).unwrap()])
        .no_proxy()
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_certificate_that_changes_is_served_without_a_restart() {
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
    assert!(old.get(pair.url("/login")).send().await.is_ok());

    let new = make_certificate(directory.path());

    until("the new certificate", async || {
        new.get(pair.url("/login")).send().await.ok()
    })
    .await;

    std::fs::write(directory.path().join("own.pem"), "half a certificate").unwrap();
    pair.web
        .said("the changed certificate cannot be used; the old one stays")
        .await;
    assert!(new.get(pair.url("/login")).send().await.is_ok());
}

#[tokio::test]
async fn both_versions_of_http_are_spoken() {
    let pair = Pair::start().await;
    let authority = std::fs::read(pair.ca_file()).unwrap();
    let builder = || {
        let authority = Certificate::from_pem(&authority).unwrap();
        Client::builder().tls_certs_only([authority]).no_proxy()
    };
    let two = builder()
        .build()
        .unwrap()
        .get(pair.url("/login"))
        .send()
        .await
        .unwrap();
    assert_eq!(two.version(), reqwest::Version::HTTP_2);
    let one = builder()
        .http1_only()
        .build()
        .unwrap()
        .get(pair.url("/login"))
        .send()
        .await
        .unwrap();
    assert_eq!(one.version(), reqwest::Version::HTTP_11);
}
