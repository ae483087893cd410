//! Counters of operations that are no audit events.

use std::{array, sync::LazyLock};

use holdfast_identity::{
    authentication::Factor,
    observer::{
        FactorOutcome, Observer, RateLimited, RefreshOutcome, TokenGrant, TokenOutcome, Verdict,
        VerdictSource,
    },
};
use holdfast_metrics::{Counter, Counters, Registry};

static REFRESHES: LazyLock<Counters<1>> = LazyLock::new(Counters::default);
static ATTEMPTS: LazyLock<Counters<2>> = LazyLock::new(Counters::default);
static RATE_LIMITS: LazyLock<Counters<2>> = LazyLock::new(Counters::default);
static REQUESTS: LazyLock<Counters<2>> = LazyLock::new(Counters::default);
static VALIDATIONS: LazyLock<Counters<2>> = LazyLock::new(Counters::default);
/// By source and verdict. Looked up once, as this is the most frequent operation.
static VERDICTS: LazyLock<[[Counter; Verdict::ALL.len()]; VerdictSource::ALL.len()]> =
    LazyLock::new(|| {
        array::from_fn(|source| {
            let source = VerdictSource::ALL.get(source).copied();
            let source = source.map_or("", VerdictSource::as_str);
            array::from_fn(|verdict| {
                let verdict = Verdict::ALL.get(verdict).copied();
                let outcome = verdict.map_or("", Verdict::as_str);
                VALIDATIONS.get_or_create_owned(&[("source", source), ("outcome", outcome)])
            })
        })
    });

const RATE_LIMIT_OUTCOMES: [&str; 2] = ["allowed", "refused"];

/// Adds them to a registry. All series exist from the start, so that they can be compared with later.
pub(super) fn register(registry: &mut Registry) {
    create_series();
    registry.register(
        "refreshes",
        "Refresh tokens that were presented, by outcome",
        REFRESHES.clone(),
    );
    registry.register(
        "authentication_attempts",
        "Factors that were presented at a sign-in, a reauthentication or a change of the password, by factor and outcome",
        ATTEMPTS.clone(),
    );
    registry.register(
        "rate_limits",
        "Operations that a rate limit allowed or refused, by operation",
        RATE_LIMITS.clone(),
    );
    registry.register(
        "token_requests",
        "Requests for tokens, by grant and outcome",
        REQUESTS.clone(),
    );
    registry.register(
        "token_validations",
        "Access tokens that were validated or introspected, by outcome, with the revocations in memory or with the store",
        VALIDATIONS.clone(),
    );
}

fn create_series() {
    for outcome in RefreshOutcome::ALL {
        drop(REFRESHES.get_or_create(&[("outcome", outcome.as_str())]));
    }
    for factor in Factor::ALL {
        for outcome in FactorOutcome::ALL {
            drop(ATTEMPTS.get_or_create(&attempt(factor, *outcome)));
        }
    }
    for operation in RateLimited::ALL {
        for outcome in RATE_LIMIT_OUTCOMES {
            let labels = [("operation", operation.as_str()), ("outcome", outcome)];
            drop(RATE_LIMITS.get_or_create(&labels));
        }
    }
    for grant in TokenGrant::ALL {
        for outcome in TokenOutcome::ALL {
            let labels = [("grant", grant.as_str()), ("outcome", outcome.as_str())];
            drop(REQUESTS.get_or_create(&labels));
        }
    }
    LazyLock::force(&VERDICTS);
}

const fn attempt(factor: Factor, outcome: FactorOutcome) -> [(&'static str, &'static str); 2] {
    let factor = factor.credential_kind().as_str();
    [("factor", factor), ("outcome", outcome.as_str())]
}

/// Counts operations.
pub(super) struct OperationCounters;

impl Observer for OperationCounters {
    fn refreshed(&self, outcome: RefreshOutcome) {
        let labels = [("outcome", outcome.as_str())];
        REFRESHES.get_or_create(&labels).inc();
    }

    fn authenticated(&self, factor: Factor, outcome: FactorOutcome) {
        ATTEMPTS.get_or_create(&attempt(factor, outcome)).inc();
    }

    fn rate_limited(&self, operation: RateLimited, is_refused: bool) {
        let [allowed, refused] = RATE_LIMIT_OUTCOMES;
        let outcome = if is_refused { refused } else { allowed };
        let labels = [("operation", operation.as_str()), ("outcome", outcome)];
        RATE_LIMITS.get_or_create(&labels).inc();
    }

    fn requested(&self, grant: TokenGrant, outcome: TokenOutcome) {
        let labels = [("grant", grant.as_str()), ("outcome", outcome.as_str())];
        REQUESTS.get_or_create(&labels).inc();
    }

    fn validated(&self, source: VerdictSource, verdict: Verdict) {
        let verdicts = VERDICTS.get(source as usize);
        if let Some(counter) = verdicts.and_then(|row| row.get(verdict as usize)) {
            counter.inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// The series of these counters by their text, with their values.
    fn series() -> HashMap<String, u64> {
        let mut registry = Registry::default();
        register(&mut registry);
        let text = holdfast_metrics::encode(&registry);
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let samples = samples.map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        });
        samples.collect()
    }

    #[test]
    fn operations_are_counted_in_series_that_exist_from_the_start() {
        let before = series();
        let counters = OperationCounters;
        counters.refreshed(RefreshOutcome::LostRace);
        counters.authenticated(Factor::Password, FactorOutcome::Throttled);
        counters.rate_limited(RateLimited::Introspection, true);
        counters.requested(TokenGrant::ClientCredentials, TokenOutcome::Refused);
        counters.validated(VerdictSource::Store, Verdict::Valid);
        let after = series();
        assert_eq!(before.len(), after.len());
        for name in [
            r#"refreshes_total{outcome="lost_race"}"#,
            r#"authentication_attempts_total{factor="password",outcome="throttled"}"#,
            r#"rate_limits_total{operation="introspection",outcome="refused"}"#,
            r#"token_requests_total{grant="client_credentials",outcome="refused"}"#,
            r#"token_validations_total{source="store",outcome="valid"}"#,
        ] {
            assert_eq!(after[name], before[name] + 1, "{name}");
        }
        assert_eq!(after.len(), 7 + 20 + 16 + 16 + 6);
    }
}
