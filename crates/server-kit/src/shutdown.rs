//! Signals, and the deadlines of a shutdown.

use std::{io, time::Duration};

use rustix::process::Signal;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

/// Time that requests in flight have to finish after a stop signal.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(8);

/// Time that the ops port then has to finish its requests.
pub const OPS_DRAIN: Duration = Duration::from_secs(1);

/// The signals that this process receives.
#[derive(Clone, Debug)]
pub struct Signals {
    /// Cancelled by a stop signal: SIGTERM, SIGINT or SIGQUIT.
    pub shutdown: CancellationToken,
    /// Changes with each SIGHUP.
    pub reload: watch::Receiver<()>,
}

/// Without reloading, for tests.
impl From<CancellationToken> for Signals {
    fn from(shutdown: CancellationToken) -> Self {
        let (_, reload) = watch::channel(());
        Self { shutdown, reload }
    }
}

/// Signals that terminate a process by default and have no meaning here: timers, user-defined signals, and a file that is too large, where
/// the write fails instead.
const IGNORED: [Signal; 7] = [
    Signal::USR1,
    Signal::USR2,
    Signal::ALARM,
    Signal::VTALARM,
    Signal::PROF,
    Signal::IO,
    Signal::XFSZ,
];

impl Signals {
    /// Installs the handlers. Other signals that can be sent to a process are ignored.
    ///
    /// # Errors
    /// When a handler cannot be installed.
    pub fn listen() -> io::Result<Self> {
        for ignored in IGNORED {
            ignore(ignored)?;
        }
        #[cfg(target_os = "linux")]
        ignore(Signal::POWER)?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut quit = signal(SignalKind::quit())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let shutdown = CancellationToken::new();
        let (sender, reload) = watch::channel(());
        let signals = Self { shutdown, reload };
        let shutdown = signals.shutdown.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => break,
                    _ = interrupt.recv() => break,
                    _ = quit.recv() => break,
                    _ = hang_up.recv() => {
                        tracing::info!(
                            event = "service.reload_requested",
                            "SIGHUP received; reloading files"
                        );
                        sender.send_replace(());
                    }
                }
            }
            shutdown.cancel();
            tracing::info!(
                event = "service.stop_requested",
                "stop signal received; finishing requests in flight"
            );
        });
        Ok(signals)
    }
}

/// Installs a handler that does nothing. It stays installed when its stream is dropped.
fn ignore(ignored: Signal) -> io::Result<()> {
    signal(SignalKind::from_raw(ignored.as_raw())).map(drop)
}
