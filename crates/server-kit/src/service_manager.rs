//! Notifications to the service manager by the protocol of `sd_notify(3)`: the start, ready, stopping, and the watchdog (ADR 42).

use std::{
    convert::Infallible,
    env,
    ffi::{OsStr, OsString},
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{self, SocketAddr},
        },
    },
    process,
    time::Duration,
};

use tokio::{
    net::UnixDatagram,
    runtime::Handle,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

const READY: &str = "READY=1\nSTATUS=accepting requests";
const STOPPING: &str = "STOPPING=1\nSTATUS=finishing requests in flight";
const WATCHDOG: &str = "WATCHDOG=1";

/// Time by which one message extends the start, and by which the next one has to arrive.
const EXTENSION: Duration = Duration::from_secs(30);
/// Interval of these messages.
const EXTENSION_INTERVAL: Duration = Duration::from_secs(10);

/// The service manager that started this process; does nothing where none did.
#[derive(Clone, Debug, Default)]
pub struct ServiceManager {
    /// A path, or `@` and a name of the abstract namespace.
    socket: Option<OsString>,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The service manager that the environment names: `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    #[must_use]
    pub fn from_env() -> Self {
        let text = |name| env::var(name).ok();
        Self::new(
            env::var_os("NOTIFY_SOCKET"),
            text("WATCHDOG_USEC").as_deref(),
            text("WATCHDOG_PID").as_deref(),
        )
    }

    /// `watchdog_usec`: microseconds after which a process that sends nothing counts as hung. `watchdog_pid`: the process that this
    /// applies to, if not to every one.
    fn new(
        socket: Option<OsString>,
        watchdog_usec: Option<&str>,
        watchdog_pid: Option<&str>,
    ) -> Self {
        let is_own = watchdog_pid.is_none_or(|pid| pid.parse() == Ok(process::id()));
        let watchdog = watchdog_usec.and_then(|usec| usec.parse().ok());
        Self {
            socket,
            watchdog: watchdog
                .filter(|usec| is_own && *usec > 0)
                .map(Duration::from_micros),
        }
    }

    /// Runs a step of the start that may take longer than a start may, such as a migration. The service manager shows `status`, and waits for
    /// the step as long as the current runtime makes progress.
    pub async fn extend_start<T>(&self, status: &str, step: impl Future<Output = T>) -> T {
        tokio::select! {
            output = step => output,
            never = self.extend(status) => match never {},
        }
    }

    async fn extend(&self, status: &str) -> Infallible {
        let message = format!(
            "EXTEND_TIMEOUT_USEC={}\nSTATUS={status}",
            EXTENSION.as_micros()
        );
        let mut ticks = interval(EXTENSION_INTERVAL);
        loop {
            ticks.tick().await;
            self.notify(&message).await;
        }
    }

    /// Reports that the service accepts requests. Reports its stop at `shutdown`. Until the process ends, reports at half the interval of the
    /// watchdog that every one of `runtimes`, and the current one, makes progress.
    pub async fn supervise(self, runtimes: Vec<Handle>, shutdown: CancellationToken) {
        self.notify(READY).await;
        tokio::join!(
            async {
                shutdown.cancelled().await;
                self.notify(STOPPING).await;
            },
            self.feed_watchdog(&runtimes),
        );
    }

    async fn feed_watchdog(&self, runtimes: &[Handle]) {
        let Some(timeout) = self.watchdog else { return };
        let mut ticks = interval(timeout / 2);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for runtime in runtimes {
                // A runtime that hangs does not complete this. One that has ended fails it, as at the end of a drain.
                let _ = runtime.spawn(async {}).await;
            }
            self.notify(WATCHDOG).await;
        }
    }

    async fn notify(&self, state: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = send(socket, state).await {
            tracing::warn!(
                event = "service_manager.not_notified",
                state,
                error = %error,
                "the service manager was not notified"
            );
        }
    }
}

async fn send(socket: &OsStr, message: &str) -> io::Result<usize> {
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(socket),
    }?;
    let datagram = net::UnixDatagram::unbound()?;
    datagram.set_nonblocking(true)?;
    datagram.connect_addr(&address)?;
    let datagram = UnixDatagram::from_std(datagram)?;
    datagram.send(message.as_bytes()).await
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tokio::{
        runtime::Builder,
        sync::oneshot,
        time::{sleep, timeout},
    };

    use super::*;

    const USEC: &str = "20000";
    /// Longer than several intervals of the watchdog.
    const SILENCE: Duration = Duration::from_millis(200);

    /// The socket of a service manager, at a path that is removed when this is dropped.
    struct Manager {
        socket: UnixDatagram,
        path: PathBuf,
    }

    impl Manager {
        fn listen(name: &str) -> Self {
            let path = env::temp_dir().join(format!("holdfast-{name}-{}", process::id()));
            let _ = std::fs::remove_file(&path);
            Self {
                socket: UnixDatagram::bind(&path).unwrap(),
                path,
            }
        }

        /// What a service that this manager started has in its environment.
        fn environment(&self, watchdog_usec: Option<&str>, pid: Option<&str>) -> ServiceManager {
            ServiceManager::new(Some(self.path.clone().into()), watchdog_usec, pid)
        }

        async fn receive(&self) -> String {
            receive(&self.socket).await
        }

        async fn is_silent(&self) -> bool {
            timeout(SILENCE, self.receive()).await.is_err()
        }
    }

    async fn receive(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 128];
        let length = socket.recv(&mut buffer).await.unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    impl Drop for Manager {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.path);
        }
    }

    #[tokio::test]
    async fn service_reports_ready_and_stopping() {
        let manager = Manager::listen("states");
        let notified = manager.environment(None, None);
        let shutdown = CancellationToken::new();
        let ended = tokio::spawn(notified.supervise(Vec::new(), shutdown.clone()));
        assert_eq!(manager.receive().await, READY);
        assert!(manager.is_silent().await);
        shutdown.cancel();
        assert_eq!(manager.receive().await, STOPPING);
        ended.await.unwrap();
    }

    #[tokio::test]
    async fn watchdog_is_fed_also_while_draining() {
        let manager = Manager::listen("watchdog");
        let own = process::id().to_string();
        let notified = manager.environment(Some(USEC), Some(&own));
        let shutdown = CancellationToken::new();
        tokio::spawn(notified.supervise(Vec::new(), shutdown.clone()));
        assert_eq!(manager.receive().await, READY);
        assert_eq!(manager.receive().await, WATCHDOG);
        shutdown.cancel();
        while manager.receive().await != STOPPING {}
        assert_eq!(manager.receive().await, WATCHDOG);
    }

    #[tokio::test]
    async fn watchdog_of_another_process_is_not_fed() {
        let manager = Manager::listen("other");
        let notified = manager.environment(Some(USEC), Some("1"));
        tokio::spawn(notified.supervise(Vec::new(), CancellationToken::new()));
        assert_eq!(manager.receive().await, READY);
        assert!(manager.is_silent().await);
    }

    #[tokio::test]
    async fn hung_runtime_stops_the_watchdog() {
        let manager = Manager::listen("hung");
        let (handle, handles) = oneshot::channel();
        let (block, blocked) = oneshot::channel::<()>();
        let (resume, resumed) = std::sync::mpsc::channel::<()>();
        std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().build().unwrap();
            let _ = handle.send(runtime.handle().clone());
            runtime.block_on(async {
                let _ = blocked.await;
                // Blocks the only thread of the runtime.
                let _ = resumed.recv();
                std::future::pending::<()>().await;
            });
        });
        let notified = manager.environment(Some(USEC), None);
        let runtimes = vec![handles.await.unwrap()];
        tokio::spawn(notified.supervise(runtimes, CancellationToken::new()));
        assert_eq!(manager.receive().await, READY);
        assert_eq!(manager.receive().await, WATCHDOG);
        block.send(()).unwrap();
        sleep(SILENCE).await;
        while !manager.is_silent().await {}
        resume.send(()).unwrap();
        assert_eq!(manager.receive().await, WATCHDOG);
    }

    #[tokio::test]
    async fn socket_may_have_an_abstract_name() {
        let name = format!("holdfast-abstract-{}", process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = net::UnixDatagram::bind_addr(&address).unwrap();
        socket.set_nonblocking(true).unwrap();
        let socket = UnixDatagram::from_std(socket).unwrap();
        let notified = ServiceManager::new(Some(format!("@{name}").into()), None, None);
        notified.notify(READY).await;
        assert_eq!(receive(&socket).await, READY);
    }

    #[tokio::test(start_paused = true)]
    async fn start_is_extended_until_the_step_ends() {
        let manager = Manager::listen("extended");
        let notified = manager.environment(None, None);
        let step = sleep(EXTENSION_INTERVAL + Duration::from_secs(1));
        notified.extend_start("migrating", step).await;
        for _ in 0..2 {
            let expected = "EXTEND_TIMEOUT_USEC=30000000\nSTATUS=migrating";
            assert_eq!(manager.receive().await, expected);
        }
        assert!(manager.is_silent().await);
    }

    #[tokio::test]
    async fn absent_manager_is_not_notified() {
        let notified = ServiceManager::new(None, Some(USEC), None);
        notified.notify(READY).await;
        let gone = ServiceManager::new(Some("/nonexistent/notify".into()), None, None);
        gone.notify(READY).await;
    }
}
