//! The ops port, which answers health probes and has the metrics: `GET /livez`, `GET /readyz` and `GET /metrics`.

use std::{
    io,
    pin::Pin,
    sync::{Arc, LazyLock},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use futures_util::future::join_all;
use holdfast_metrics::{Gauges, Registry};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::connections::{BoundedListener, Connections};

const MAX_CONNECTIONS: usize = 64;
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Time in which a check has to answer: longer than a statement of a store may take, shorter than probes and Prometheus wait.
const CHECK_DEADLINE: Duration = Duration::from_millis(2700);

static PASSED: LazyLock<Gauges<1>> = LazyLock::new(Gauges::default);

/// Adds the checks of the readiness to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(
        "readiness_check_passed",
        "Whether each check of `/readyz` passes (1) or not (0), evaluated when the metrics are read; `standby` is a warning only",
        PASSED.clone(),
    );
}

/// Something that the service depends on.
pub struct Check<'a> {
    name: &'static str,
    is_required: bool,
    result: CheckResult<'a>,
}

/// The outcome of a [`Check`]: an error states what is unavailable, in words for the operator.
pub type CheckResult<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

impl<'a> Check<'a> {
    /// A check without which the service is not ready. `name` is a label of its metric.
    #[must_use]
    pub fn required(
        name: &'static str,
        result: impl Future<Output = Result<(), String>> + Send + 'a,
    ) -> Self {
        Self {
            name,
            is_required: true,
            result: Box::pin(result),
        }
    }

    /// A check whose error is a warning for the operator.
    #[must_use]
    pub fn advisory(
        name: &'static str,
        result: impl Future<Output = Result<(), String>> + Send + 'a,
    ) -> Self {
        Self {
            is_required: false,
            ..Self::required(name, result)
        }
    }

    /// Waits for the result, and records it.
    async fn evaluate(self) -> (bool, Result<(), String>) {
        let result = timeout(CHECK_DEADLINE, self.result).await;
        let result = result.unwrap_or_else(|_| Err(format!("{}: no answer in time", self.name)));
        let passed = PASSED.get_or_create_owned(&[("check", self.name)]);
        passed.set(i64::from(result.is_ok()));
        (self.is_required, result)
    }
}

/// The readiness of a service, as `/readyz` and the metrics report it.
pub trait Readiness: Send + Sync + 'static {
    /// Everything that the service depends on, the most general first: `/readyz` reports the first error.
    fn checks(&self) -> Vec<Check<'_>>;
}

/// Evaluates all checks at once. Returns the warnings for the operator, or the first error of a required check.
async fn evaluate(readiness: &dyn Readiness) -> Result<Vec<String>, String> {
    let checks = readiness.checks().into_iter().map(Check::evaluate);
    let mut warnings = Vec::new();
    for (is_required, result) in join_all(checks).await {
        match result {
            Err(reason) if is_required => return Err(reason),
            Err(warning) => warnings.push(warning),
            Ok(()) => {}
        }
    }
    Ok(warnings)
}

/// Answers probes, and requests for the metrics of `registry`, until `shutdown`, after which the port is closed.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    readiness: Arc<dyn Readiness>,
    registry: Registry,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let router = Router::new()
        .route("/livez", get(async || "live\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(Ops {
            readiness,
            registry,
        }));
    let connections = Connections::new("ops", MAX_CONNECTIONS, IDLE_TIMEOUT);
    axum::serve(BoundedListener::new(listener, connections), router)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}

struct Ops {
    readiness: Arc<dyn Readiness>,
    registry: Registry,
}

async fn metrics(State(ops): State<Arc<Ops>>) -> impl IntoResponse {
    // For the gauges of its checks.
    let _ = evaluate(&*ops.readiness).await;
    let content_type = [(CONTENT_TYPE, holdfast_metrics::CONTENT_TYPE)];
    (content_type, holdfast_metrics::encode(&ops.registry))
}

async fn readyz(State(ops): State<Arc<Ops>>) -> (StatusCode, String) {
    match evaluate(&*ops.readiness).await {
        Ok(warnings) => {
            let warnings = warnings.into_iter();
            let warnings = warnings.map(|warning| format!("warning: {warning}\n"));
            let text = "ready\n".to_owned() + &warnings.collect::<String>();
            (StatusCode::OK, text)
        }
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    /// Two required checks with these results, one that does not answer, and a warning.
    struct Unready(Result<(), String>, Result<(), String>);

    impl Readiness for Unready {
        fn checks(&self) -> Vec<Check<'_>> {
            vec![
                Check::advisory("test_standby", ready(Err("asynchronous".to_owned()))),
                Check::required("test_requests", ready(self.0.clone())),
                Check::required("test_store", ready(self.1.clone())),
            ]
        }
    }

    struct Hanging;

    impl Readiness for Hanging {
        fn checks(&self) -> Vec<Check<'_>> {
            vec![Check::required("test_hanging", pending())]
        }
    }

    fn passed(check: &'static str) -> i64 {
        PASSED.get_or_create_owned(&[("check", check)]).get()
    }

    #[tokio::test(start_paused = true)]
    async fn checks_are_measured_and_the_first_error_is_reported() {
        let error = |text: &str| Err(text.to_owned());
        let unready = Unready(error("overloaded"), error("the store is unavailable"));
        assert_eq!(evaluate(&unready).await, Err("overloaded".to_owned()));
        assert_eq!((passed("test_requests"), passed("test_store")), (0, 0));

        let warned = evaluate(&Unready(Ok(()), Ok(()))).await;
        assert_eq!(warned, Ok(vec!["asynchronous".to_owned()]));
        assert_eq!((passed("test_requests"), passed("test_store")), (1, 1));
        assert_eq!(passed("test_standby"), 0);

        assert!(evaluate(&Hanging).await.is_err());
        assert_eq!(passed("test_hanging"), 0);
    }
}
