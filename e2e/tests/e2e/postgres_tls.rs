//! PostgreSQL over TLS with client certificates.

use std::path::Path;

use e2e::{pair::PASSWORD, postgres::Postgres, program::run};

use crate::tls::make_authority;

/// Adds an account by the command line, with this URL of the database; returns whether that succeeded, and what it printed.
async fn add_user(name: &str, url: &str) -> (bool, String) {
    let arguments = ["user", "add", name, "--password-stdin"];
    let settings = [("AUTH_DATABASE_URL", Path::new(url))];
    run("auth-service", &arguments, &settings, PASSWORD).await
}

#[tokio::test]
async fn database_is_used_over_mutual_tls() {
    let directory = tempfile::tempdir().unwrap();
    let files = directory.path();
    make_authority(files, &["localhost", "holdfast", "mallory"]);
    let other = tempfile::tempdir().unwrap();
    make_authority(other.path(), &[]);
    let server = Postgres::start(false).await;
    server.require_certificates(files, "localhost").await;
    let (port, own) = (server.port(), files.display());
    let url = |host: &str, authority: &Path, certificate: Option<&str>| {
        let authority = authority.join("authority.pem");
        let certificate = certificate.map_or_else(String::new, |name| {
            format!("&sslcert={own}/{name}.pem&sslkey={own}/{name}.key")
        });
        format!(
            "postgres://holdfast@{host}:{port}/holdfast?sslmode=verify-full&sslrootcert={}{certificate}",
            authority.display()
        )
    };

    let good = url("localhost", files, Some("holdfast"));
    let (success, output) = add_user("ada", &good).await;
    assert!(success, "{output}");
    for (what, url, reason) in [
        (
            "of another user",
            url("localhost", files, Some("mallory")),
            "certificate authentication failed",
        ),
        ("missing", url("localhost", files, None), "certificate"),
        (
            "of another authority",
            url("localhost", other.path(), Some("holdfast")),
            "certificate",
        ),
        (
            "of another host",
            url("127.0.0.1", files, Some("holdfast")),
            "certificate",
        ),
    ] {
        let (success, output) = add_user("bob", &url).await;
        assert!(!success && output.contains(reason), "{what}: {output}");
    }
}
