//! What signals ask of a service; and its end: a drain with a deadline.

use std::{io, time::Duration};

use rustix::process::Signal;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

/// How long requests in flight may take to finish once the service was told to stop.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(8);

/// The same for the ops port, after that.
pub const OPS_DRAIN: Duration = Duration::from_secs(1);

/// What other processes ask of this one.
#[derive(Clone, Debug)]
pub struct Signals {
    /// Cancelled when the process is asked to stop.
    pub shutdown: CancellationToken,
    /// Changes when it is asked to read its files again.
    pub reload: watch::Receiver<()>,
}

/// For a service that nobody asks to reload.
impl From<CancellationToken> for Signals {
    fn from(shutdown: CancellationToken) -> Self {
        let (_, reload) = watch::channel(());
        Self { shutdown, reload }
    }
}

/// What would end a process by default, and nothing here means: timers, notices of a power supply or of a file that is too large (then
/// the write fails), and what is left to each program.
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
    /// Listens from now on: SIGTERM, SIGINT and SIGQUIT ask to stop, SIGHUP to reload; the others that a person may send are ignored.
    ///
    /// # Errors
    /// When the signals cannot be listened to.
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
                        tracing::info!("asked to reload; files are read again");
                        sender.send_replace(());
                    }
                }
            }
            shutdown.cancel();
            tracing::info!("asked to stop; finishing requests in flight");
        });
        Ok(signals)
    }
}

/// A handler stays for good, and this one does nothing.
fn ignore(ignored: Signal) -> io::Result<()> {
    signal(SignalKind::from_raw(ignored.as_raw())).map(drop)
}
