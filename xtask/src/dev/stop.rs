//! The signals that stop `cargo dev`.

use std::{fs, io};

use holdfast_server_kit::shutdown::Signals;

/// Handlers of the signals that stop `cargo dev` and both services.
pub(super) struct Stop {
    signals: Signals,
    ignores_hangup: bool,
}

impl Stop {
    /// Installs handlers for the stop signals of a service, and for SIGHUP, which a closed terminal sends. A SIGHUP that was ignored
    /// at the start, as by `nohup`, stays ignored.
    pub(super) fn listen() -> io::Result<Self> {
        let ignores_hangup = is_hangup_ignored();
        Ok(Self {
            signals: Signals::listen()?,
            ignores_hangup,
        })
    }

    /// Waits for one of the signals.
    pub(super) async fn requested(mut self) {
        tokio::select! {
            () = self.signals.shutdown.cancelled() => {}
            Ok(()) = self.signals.reload.changed(), if !self.ignores_hangup => {}
        }
    }
}

/// Whether this process was started with SIGHUP ignored; false where `/proc` does not provide it.
fn is_hangup_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // The lowest bit is the first signal, SIGHUP.
    ignored.is_some_and(|mask| mask & 1 == 1)
}
