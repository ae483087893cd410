//! Which alarm evaluates which metric in which outage, and the test that the metric moves.

use std::fs;

use e2e::{
    compose::root,
    documents::{assert_covered, rows},
};

/// An alarm, and a metric that it evaluates.
struct Case {
    /// The row of the document, up to a comma; none for what is described elsewhere.
    row: Option<&'static str>,
    alarm: &'static str,
    metric: &'static str,
    test: &'static str,
}

const CASES: [Case; 17] = [
    Case {
        row: Some("auth-service"),
        alarm: "RevocationStreamStale",
        metric: "holdfast_web_revocation_stream_connected",
        test: "lost_auth_service_disconnects_stream_and_opens_circuit_breaker",
    },
    Case {
        row: Some("auth-service"),
        alarm: "SignInsFail",
        metric: "holdfast_web_http_requests_total",
        test: "lost_auth_service_disconnects_stream_and_opens_circuit_breaker",
    },
    Case {
        row: Some("Redis accepts no writes"),
        alarm: "SignInsFail",
        metric: "holdfast_web_http_requests_total",
        test: "redis_without_writes_fails_sign_ins",
    },
    Case {
        row: Some("one of several auth-services"),
        alarm: "CircuitBreakerOpen",
        metric: "holdfast_web_circuit_breakers_open",
        test: "loss_of_one_auth_service_opens_its_circuit_breaker",
    },
    Case {
        row: Some("one of several auth-services"),
        alarm: "CircuitBreakerFlaps",
        metric: "holdfast_web_circuit_breaker_openings_total",
        test: "loss_of_one_auth_service_opens_its_circuit_breaker",
    },
    Case {
        row: Some("Redis"),
        alarm: "CircuitBreakerOpen",
        metric: "holdfast_web_circuit_breakers_open",
        test: "suspended_redis_opens_circuit_breakers_of_both_services",
    },
    Case {
        row: Some("Redis of auth-service"),
        alarm: "CircuitBreakerOpen",
        metric: "holdfast_auth_circuit_breakers_open",
        test: "suspended_redis_opens_circuit_breakers_of_both_services",
    },
    Case {
        row: Some("the database"),
        alarm: "SignInsFail",
        metric: "holdfast_auth_grpc_requests_total",
        test: "locked_database_fails_sign_ins",
    },
    Case {
        row: Some("the database"),
        alarm: "DatabaseUnavailable",
        metric: "holdfast_auth_grpc_refusals_total",
        test: "locked_database_fails_sign_ins",
    },
    Case {
        row: Some("the database"),
        alarm: "RevocationLogNotRead",
        metric: "holdfast_auth_revocation_log_read_age_seconds",
        test: "age_of_revocation_log_grows_without_database",
    },
    Case {
        row: Some("nothing, but too many wrong passwords"),
        alarm: "GuessingAttack",
        metric: "holdfast_auth_authentication_attempts_total",
        test: "wrong_passwords_are_counted_as_refused_and_throttled",
    },
    Case {
        row: Some("nothing, but too many wrong passwords"),
        alarm: "SignInsThrottled",
        metric: "holdfast_auth_authentication_attempts_total",
        test: "wrong_passwords_are_counted_as_refused_and_throttled",
    },
    Case {
        row: Some("nothing, but too many sign-ins"),
        alarm: "PasswordQueueFull",
        metric: "holdfast_auth_password_queue_refusals_total",
        test: "surplus_of_sign_ins_is_refused_by_password_queue",
    },
    Case {
        row: Some("web-service"),
        alarm: "RestartsOften",
        metric: "process_start_time_seconds",
        test: "lost_web_service_is_not_scraped_and_starts_at_another_time",
    },
    Case {
        row: Some("one of several web-services"),
        alarm: "RevocationStreamStale",
        metric: "holdfast_web_revocation_stream_message_age_seconds",
        test: "age_of_revocation_stream_grows_while_it_is_cut",
    },
    Case {
        row: Some("a relying party that receives ends of sessions"),
        alarm: "LogoutsNotDelivered",
        metric: "holdfast_auth_backchannel_logout_oldest_pending_seconds",
        test: "lost_relying_party_leaves_ends_pending",
    },
    Case {
        row: None,
        alarm: "ClockLeapt",
        metric: "holdfast_auth_log_events_total",
        test: "leap_of_clock_is_counted",
    },
];

#[test]
fn each_outage_has_a_case() {
    let cases: Vec<_> = CASES.iter().filter_map(|case| case.row).collect();
    let rows = rows("docs/OPERATIONS.md", "What an outage looks like");
    assert_covered(&rows, &cases);
    for case in CASES {
        let definition = format!("async fn {}(", case.test);
        let source = include_str!("../outage_metrics.rs");
        assert!(source.contains(&definition), "{}", case.test);
    }
}

#[test]
fn alarms_of_outages_evaluate_the_metrics_that_move() {
    let rules = fs::read_to_string(root().join("deploy/monitoring/rules.yml")).unwrap();
    let rules: Vec<_> = rules.split("\n      - ").skip(1).collect();
    for case in CASES {
        let head = format!("alert: {}\n", case.alarm);
        let mut alarms = rules.iter().filter(|rule| rule.starts_with(&head));
        let evaluates = alarms.any(|alarm| evaluates(alarm, case.metric, &rules));
        assert!(evaluates, "{} by {}", case.alarm, case.metric);
    }
}

/// Whether a rule names the metric, or a recording rule that evaluates it.
fn evaluates(rule: &str, metric: &str, rules: &[&str]) -> bool {
    let mut recorded = rules.iter().filter(|other| {
        let name = other.strip_prefix("record: ");
        let name = name.and_then(|rest| rest.lines().next());
        **other != rule && name.is_some_and(|name| rule.contains(name))
    });
    rule.contains(metric) || recorded.any(|other| evaluates(other, metric, rules))
}
