//! Deadlines of checks.

use std::time::Duration;

use tokio::time::timeout;

use crate::doctor::{Check, Finding};

/// Deadline of a check that asks another process.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// The findings of a check, or where they are not there at the deadline, that there was no answer.
pub async fn within(
    deadline: Duration,
    check: &'static Check,
    findings: impl Future<Output = Vec<Finding>>,
) -> Vec<Finding> {
    let findings = timeout(deadline, findings).await;
    findings.unwrap_or_else(|_elapsed| {
        let found = format!("no answer within {} seconds", deadline.as_secs());
        vec![check.error(
            found,
            "check that the server runs, and that this machine reaches it",
        )]
    })
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::doctor::Severity;

    static PEER: Check = Check {
        id: "peer.reachable",
        why: "Nothing works without it",
    };

    #[tokio::test(start_paused = true)]
    async fn peer_without_an_answer_is_an_error_after_the_deadline() {
        let findings = within(DEADLINE, &PEER, pending()).await;
        let [finding] = findings.as_slice() else {
            panic!("{findings:?}")
        };
        assert_eq!(finding.severity, Severity::Error);
        assert_eq!(finding.found, "no answer within 5 seconds");
        let answered = within(DEADLINE, &PEER, async { vec![PEER.ok("answered")] }).await;
        assert_eq!(answered, [PEER.ok("answered")]);
    }
}
