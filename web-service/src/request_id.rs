//! A name for each request, the same in this service's log, in auth-service's audit trail, and in the answer.

use std::fmt::Write as _;

use service_kit::system::Random;
use tokio::task_local;

task_local! {
    static CURRENT: String;
}

/// 64 random bits in hexadecimal.
pub fn fresh(random: &dyn Random) -> String {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    bytes.iter().fold(String::new(), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

/// Runs `work` as part of the request `id`.
pub async fn scope<T>(id: String, work: impl Future<Output = T>) -> T {
    CURRENT.scope(id, work).await
}

/// The request that this is part of, if any.
#[must_use]
pub fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}
