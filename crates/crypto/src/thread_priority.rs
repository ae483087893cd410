//! Lower priority for threads that hash passwords.

use rustix::process::{getpriority_process, setpriority_process};

/// The niceness of a thread with lower priority. On a core that is otherwise fully used it still gets a tenth of the time.
const LOWER_PRIORITY: i32 = 10;

/// Lowers the priority of the calling thread. On Linux niceness is a property of the thread, and raising it needs no privilege.
pub fn lower_thread_priority() {
    if let Err(error) = setpriority_process(None, LOWER_PRIORITY) {
        tracing::warn!(
            event = "thread.priority_unchanged",
            %error,
            "lowering the priority of a thread failed"
        );
    }
}

/// The niceness of the calling thread: 0 by default, higher for a lower priority.
#[must_use]
pub fn niceness() -> i32 {
    getpriority_process(None).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn priority_is_lowered_for_the_calling_thread_only() {
        let before = niceness();
        let inside = thread::spawn(|| {
            lower_thread_priority();
            niceness()
        });
        assert_eq!(inside.join().unwrap(), LOWER_PRIORITY.max(before));
        assert_eq!(niceness(), before);
    }
}
