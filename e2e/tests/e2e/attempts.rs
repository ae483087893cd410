//! Authentication attempts that strangers start.

use auth_proto::v1::{StartAuthenticationRequest, auth_service_client::AuthServiceClient};
use e2e::{pair::Pair, process};
use tonic::transport::Endpoint;

/// Growth of the resident memory that other work of the process may cause, in KiB.
const MOST_GROWTH: u64 = 8 * 1024;

/// The number of starts; 10,000 with `cargo xtask test --long`.
fn starts() -> u32 {
    if std::env::var_os("HOLDFAST_TEST_LONG").is_some() {
        10_000
    } else {
        1_000
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn started_attempts_occupy_no_memory() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let endpoint = Endpoint::from_shared(format!("http://{}", pair.auth_address)).unwrap();
    let mut client = AuthServiceClient::new(endpoint.connect().await.unwrap());
    let mut start = async |count: u32| {
        for number in 0..count {
            let request = StartAuthenticationRequest {
                username: format!("name{number}"),
                ..Default::default()
            };
            client.start_authentication(request).await.unwrap();
        }
    };
    // The first ones allocate what the connection keeps.
    start(100).await;
    let resident = || process::memory(pair.auth.id()).resident;
    let before = resident();
    start(starts()).await;
    let growth = resident().saturating_sub(before);
    assert!(growth < MOST_GROWTH, "{growth} KiB");
    pair.site.form_login("ada").await;
}
