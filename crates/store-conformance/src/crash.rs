//! A writer that is killed.

use std::{
    env,
    ffi::{OsStr, OsString},
    process::Stdio,
};

use holdfast_core::random::Random as _;
use holdfast_identity::{audit::AuditKind, id::Jti, store::Store};

use tokio::process::{Child, Command};

use crate::fixture::{EPHEMERAL, NOW, TestRandom, event};

/// The environment variable that names the data to the process of the writer.
const WRITE_TO: &str = "HOLDFAST_TEST_WRITE_TO";

/// In the process of the writer, the data that [`Subject::data`](crate::Subject::data) named; elsewhere `None`.
#[must_use]
pub fn data_of_writer() -> Option<OsString> {
    env::var_os(WRITE_TO)
}

/// Starts the test program again as the writer.
pub(crate) fn spawn_writer(data: &OsStr) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["write_where_the_environment_says", "--exact", "--nocapture"])
        .env(WRITE_TO, data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// The word before the identifier of each change that the store has acknowledged, on standard output.
pub(crate) const ACKNOWLEDGED: &str = "acknowledged";

/// Revokes tokens until the process is killed, and prints each as soon as the store has acknowledged it.
#[expect(clippy::print_stdout, reason = "the parent process reads it")]
pub async fn write_until_killed(store: &dyn Store) {
    loop {
        let mut bytes = [0; 16];
        TestRandom.fill(&mut bytes);
        let jti = Jti::from_random_bytes(bytes);
        let expires_at = NOW + EPHEMERAL;
        let events = [event(AuditKind::TokenRevoked)];
        if store.revoke_token(jti, expires_at, &events).await.is_ok() {
            println!("{ACKNOWLEDGED} {jti}");
        }
    }
}
