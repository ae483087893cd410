//! Work that is to stand back.

use rustix::process::{getpriority_process, setpriority_process};

/// Nice enough that who answers requests goes first, and not so nice that it comes to nothing on a busy machine: it still gets a
/// tenth of a core that others would take whole.
const STANDS_BACK: i32 = 10;

/// From now on this thread gets a processor after others. On Linux niceness belongs to the thread, and taking it needs no
/// privilege.
pub fn lower_thread_priority() {
    if let Err(error) = setpriority_process(None, STANDS_BACK) {
        tracing::warn!(%error, "a thread that should stand back does not");
    }
}

/// How nice this thread is: 0 by default, more for one that stands back.
#[must_use]
pub fn niceness() -> i32 {
    getpriority_process(None).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn only_the_thread_itself_stands_back() {
        let before = niceness();
        let inside = thread::spawn(|| {
            lower_thread_priority();
            niceness()
        });
        assert_eq!(inside.join().unwrap(), STANDS_BACK.max(before));
        assert_eq!(niceness(), before);
    }
}
