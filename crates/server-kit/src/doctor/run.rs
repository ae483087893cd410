//! Deadlines of checks.

use std::{future::pending, panic, time::Duration};

use tokio::{
    task::{JoinError, spawn_blocking},
    time::timeout,
};

use crate::doctor::{Check, Finding};

/// Deadline of a check that queries another process, or reads files.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// Runs a check that adds its findings to a list. Where it has not ended at the deadline, the findings that it had added are kept, and
/// followed by an error.
pub async fn within(
    deadline: Duration,
    check: &'static Check,
    gather: impl AsyncFnOnce(&mut Vec<Finding>),
) -> Vec<Finding> {
    let remedy = "check that the server runs, and that this machine reaches it";
    let mut findings = Vec::new();
    if timeout(deadline, gather(&mut findings)).await.is_err() {
        findings.push(check.error(no_answer(deadline), remedy));
    }
    findings
}

/// Runs a check that reads files. It is an error where the file system does not answer within [`DEADLINE`], such as that of an NFS server
/// which is gone.
pub async fn within_file_deadline(
    check: &'static Check,
    read: impl FnOnce() -> Vec<Finding> + Send + 'static,
) -> Vec<Finding> {
    within_deadline_of_files(check, blocking(read)).await
}

async fn within_deadline_of_files(
    check: &'static Check,
    findings: impl Future<Output = Vec<Finding>>,
) -> Vec<Finding> {
    let findings = timeout(DEADLINE, findings).await;
    findings.unwrap_or_else(|_elapsed| {
        let found = format!("the file system gave {}", no_answer(DEADLINE));
        vec![check.error(
            found,
            "check the mounts, and the servers of network file systems",
        )]
    })
}

/// The result of a function that reads files, which runs on a thread of its own: a file system that does not answer suspends the thread.
pub async fn blocking<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> T {
    let read = spawn_blocking(read).await;
    match read.map_err(JoinError::try_into_panic) {
        Ok(result) => result,
        Err(Ok(payload)) => panic::resume_unwind(payload),
        // The runtime stops.
        Err(Err(_cancelled)) => pending().await,
    }
}

fn no_answer(deadline: Duration) -> String {
    format!("no answer within {} seconds", deadline.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    static PEER: Check = Check {
        id: "peer.reachable",
        why: "Nothing works without it",
    };

    #[tokio::test(start_paused = true)]
    async fn peer_without_an_answer_is_an_error_after_the_deadline() {
        let findings = within(DEADLINE, &PEER, async |_: &mut _| pending().await).await;
        let [finding] = findings.as_slice() else {
            panic!("{findings:?}")
        };
        assert_eq!(finding.severity, Severity::Error);
        assert_eq!(finding.found, "no answer within 5 seconds");
        let answers = async |findings: &mut Vec<_>| findings.push(PEER.ok("answered"));
        assert_eq!(
            within(DEADLINE, &PEER, answers).await,
            [PEER.ok("answered")]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn findings_before_the_deadline_are_kept() {
        let half = async |findings: &mut Vec<_>| {
            findings.push(PEER.warning("slow", "wait"));
            pending::<()>().await;
        };
        let findings = within(DEADLINE, &PEER, half).await;
        assert_eq!(findings[0], PEER.warning("slow", "wait"));
        assert_eq!(findings[1].severity, Severity::Error);
        assert_eq!(findings.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn file_system_that_does_not_answer_is_an_error() {
        let findings = within_deadline_of_files(&PEER, pending()).await;
        assert_eq!(findings[0].severity, Severity::Error);
    }
}
