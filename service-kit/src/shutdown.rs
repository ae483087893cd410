//! The end of a service: a signal, then a drain with a deadline.

use std::{io, time::Duration};

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

/// A token that is cancelled by SIGTERM or SIGINT.
///
/// # Errors
/// When the signals cannot be listened to.
pub fn on_signal() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        cancelled.cancel();
        tracing::info!("asked to stop; finishing requests in flight");
    });
    Ok(token)
}
