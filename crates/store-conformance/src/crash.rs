//! A writer that is killed.

use holdfast_core::random::Random as _;
use holdfast_identity::{audit::AuditKind, id::Jti, store::Store};

use crate::fixture::{EPHEMERAL, NOW, TestRandom, event};

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
