//! What ends `cargo dev`.

use std::{fs, io};

use holdfast_server_kit::shutdown::Signals;

/// Listens for the signals that end `cargo dev`, and both services with it.
pub(super) struct Stop {
    signals: Signals,
    survives_terminal: bool,
}

impl Stop {
    /// Listens from now on: what asks a service to stop, and SIGHUP, as the terminal is gone then; unless `nohup` is to keep it running.
    pub(super) fn listen() -> io::Result<Self> {
        let survives_terminal = is_hangup_ignored();
        Ok(Self {
            signals: Signals::listen()?,
            survives_terminal,
        })
    }

    /// Waits for one of them.
    pub(super) async fn asked(mut self) {
        tokio::select! {
            () = self.signals.shutdown.cancelled() => {}
            Ok(()) = self.signals.reload.changed(), if !self.survives_terminal => {}
        }
    }
}

/// Whether this process was started with SIGHUP ignored; where that cannot be found out, it was not.
fn is_hangup_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // The lowest bit is the first signal, SIGHUP.
    ignored.is_some_and(|mask| mask & 1 == 1)
}
