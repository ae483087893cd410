//! The dashboard and the rules of `deploy/monitoring`, evaluated by Prometheus on running services, and the picture of them.

mod traffic;

use std::{env, fs};

use e2e::{
    compose::root,
    dashboard::{Line, Panel, Phase, panels, picture},
    pair::{Options, Pair},
    prometheus::{Prometheus, Target},
    redis::Redis,
};

use self::traffic::Story;

const NAMES: [&str; 3] = ["ada", "bob", "eve"];

const BRIEF: Story = Story {
    seconds: 18,
    attack: (3, 8),
    outage: (9, 13),
};

/// What the picture shows. Its captions state the times.
const PUBLISHED: Story = Story {
    seconds: 90,
    attack: (20, 40),
    outage: (55, 63),
};

/// The ranges of the rules and the dashboard, and those for the picture: a twentieth, as it shows ninety seconds.
const RANGES: [(&str, &str); 7] = [
    ("[1m]", "[3s]"),
    ("[5m]", "[15s]"),
    ("[10m]", "[30s]"),
    ("[30m]", "[90s]"),
    ("[1h]", "[180s]"),
    ("offset 1m", "offset 3s"),
    ("offset 10m", "offset 30s"),
];

/// Queries without a value in a run without what they are about: panel, legend, and why.
const WITHOUT_VALUE: [(&str, &str, &str); 3] = [
    (
        "Database, 99th percentile",
        "PostgreSQL, {{instance}}",
        "the database is SQLite",
    ),
    (
        "Connections to the database",
        "PostgreSQL, {{state}}, {{instance}}",
        "the database is SQLite",
    ),
    (
        "Connections to the database",
        "PostgreSQL, maximum, {{instance}}",
        "the database is SQLite",
    ),
];

/// What panels show after the traffic: panel, name of the line, and the bounds of its greatest value.
const EXPECTED: [(&str, &str, f64, f64); 21] = [
    ("Instances up", "auth-service", 1.0, 1.0),
    ("Instances up", "web-service", 1.0, 1.0),
    ("Share of sign-in attempts that succeed", "web-1", 0.01, 1.0),
    (
        "Sign-in attempts by outcome",
        "password verified",
        0.01,
        50.0,
    ),
    (
        "Sign-in attempts by outcome",
        "password refused",
        0.01,
        50.0,
    ),
    (
        "Sign-in attempts by outcome",
        "password throttled",
        0.01,
        50.0,
    ),
    ("Requests that fail, by instance", "web-1", 0.001, 1.0),
    ("Sign-ins that fail", "web-service", 0.001, 1.0),
    (
        "5xx by route and instance",
        "web-1 page.login.submit",
        0.01,
        500.0,
    ),
    ("Circuit breakers open", "web-1 → redis", 1.0, 1.0),
    (
        "Redis: commands that were answered",
        "sessions, median, web-1",
        0.000_01,
        0.5,
    ),
    (
        "Redis: timeouts and failures a second",
        "sessions, timeouts, web-1",
        0.001,
        100.0,
    ),
    ("Streams connected", "web-1", 1.0, 1.0),
    ("Delivery of own revocations", "median", 0.000_01, 1.0),
    ("Ends by kind", "LOGIN_ENDED", 0.01, 50.0),
    (
        "Refused and throttled attempts",
        "password throttled",
        0.01,
        50.0,
    ),
    ("Refresh tokens by outcome", "rotated", 0.01, 50.0),
    ("Refresh tokens by outcome", "reused", 0.001, 50.0),
    ("Signs of theft, in an hour", "REFRESH_REUSED", 0.5, 100.0),
    ("Revocations in memory", "web-1", 1.0, 10_000.0),
    ("Cache hits", "tokens", 0.5, 1.0),
];

/// Both services on Redis, behind a proxy, so that an attacker has other addresses than people.
async fn pair(redis: &Redis) -> Pair {
    let pair = Pair::start_with(Options {
        web: vec![
            ("WEB_SESSION_STORE", redis.url()),
            ("WEB_TRUSTED_PROXIES", "127.0.0.1".to_owned()),
        ],
        auth: vec![("AUTH_REDIS_URL", redis.url())],
    })
    .await;
    for name in NAMES {
        pair.add_user(name, &[]).await;
    }
    pair
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The panels with their lines of a time span. Every expression has to evaluate, and to have a value unless it is listed.
async fn evaluate(
    prometheus: &Prometheus,
    span: (f64, f64),
    expand: impl Fn(&str) -> String,
) -> Vec<(Panel, Vec<Line>)> {
    let dashboard = serde_json::from_str(&read("deploy/monitoring/dashboard.json")).unwrap();
    let mut evaluated = Vec::new();
    for panel in panels(&dashboard) {
        let mut lines = Vec::new();
        for query in &panel.queries {
            let found = query.lines(prometheus, span, &expand).await;
            let found = found.unwrap_or_else(|why| panic!("{}: {why}", query.expr));
            let is_listed = WITHOUT_VALUE
                .iter()
                .any(|(title, legend, _)| *title == panel.title && *legend == query.legend);
            let has_value = found.iter().any(|line| line.last().is_some());
            assert!(
                has_value != is_listed,
                "{}: {}: {has_value}",
                panel.title,
                query.expr
            );
            lines.extend(found);
        }
        evaluated.push((panel, lines));
    }
    evaluated
}

fn assert_plausible(panels: &[(Panel, Vec<Line>)]) {
    for (title, name, least, most) in EXPECTED {
        let panel = panels.iter().find(|(panel, _)| panel.title == title);
        let lines = &panel.unwrap_or_else(|| panic!("no panel {title}")).1;
        // A name may stand for two series, one of each service.
        let named = lines.iter().filter(|line| line.name == name);
        let max = named.map(Line::max).fold(f64::NEG_INFINITY, f64::max);
        assert!(
            (least..=most).contains(&max),
            "{title}, {name}: {max} is not in {least}..={most}"
        );
    }
}

async fn assert_rules_are_healthy(prometheus: &Prometheus) {
    let rules = prometheus.rules().await.unwrap();
    let groups = rules["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    let mut healthy = 0;
    for rule in rules {
        let error = rule["lastError"].as_str().unwrap_or_default();
        assert!(rule["health"] == "ok" && error.is_empty(), "{rule}");
        healthy += 1;
    }
    assert!(healthy > 40, "{healthy}");
}

fn shorten(text: &str) -> String {
    let mut text = text.to_owned();
    for (range, shorter) in RANGES {
        text = text.replace(range, shorter);
    }
    text
}

#[tokio::test]
async fn dashboard_and_rules_evaluate_on_running_services() {
    let is_published = env::var_os("UPDATE_DOCS").is_some();
    let story = if is_published { PUBLISHED } else { BRIEF };
    let expand = |text: &str| {
        if is_published {
            shorten(&text.replace("$__rate_interval", "10s"))
        } else {
            text.replace("$__rate_interval", "1m")
        }
    };
    let redis = Redis::start().await;
    let mut pair = pair(&redis).await;
    let (auth, web) = (pair.auth.ops_address().await, pair.web.ops_address().await);
    let targets = [
        Target {
            job: "auth-service",
            instance: "auth-1",
            address: &auth,
        },
        Target {
            job: "web-service",
            instance: "web-1",
            address: &web,
        },
    ];
    let rules = expand(&read("deploy/monitoring/rules.yml"));
    let prometheus = Prometheus::start(&targets, &rules).await;

    let start = prometheus.now().await;
    story.run(&pair.site, &redis, &NAMES).await;

    let end = prometheus.now().await;
    let evaluated = evaluate(&prometheus, (start, end), expand).await;
    assert_plausible(&evaluated);
    assert_rules_are_healthy(&prometheus).await;
    if is_published {
        let drawn = picture(&evaluated, end - start, &phases());
        fs::write(root().join("docs/images/dashboard.svg"), drawn).unwrap();
    }
}

fn phases() -> [Phase; 2] {
    let phase = |name, class, (from, to): traffic::Span| Phase {
        name,
        class,
        from: from.into(),
        to: to.into(),
    };
    [
        phase("Guessing attack", "attack", PUBLISHED.attack),
        phase("Redis suspended", "outage", PUBLISHED.outage),
    ]
}

#[test]
fn captions_of_picture_state_what_happened_when() {
    for file in ["deploy/monitoring/README.md", "docs/OPERATIONS.md"] {
        let text = read(file);
        assert!(text.contains("images/dashboard.svg"), "{file}");
        for Phase { from, to, .. } in phases() {
            let times = format!("{from:.0} s to {to:.0} s");
            assert!(text.contains(&times), "{file}: {times}");
        }
    }
}

/// A range that is not shortened would make a line of the picture flat.
#[test]
fn ranges_of_rules_and_dashboard_are_shortened() {
    for file in ["rules.yml", "dashboard.json"] {
        let text = shorten(&read(&format!("deploy/monitoring/{file}")));
        let brackets = text
            .split('[')
            .skip(1)
            .filter_map(|rest| rest.split(']').next());
        let ranges = brackets.filter(|text| text.len() < 5 && text.ends_with(['m', 'h', 'd']));
        let ranges: Vec<_> = ranges.collect();
        assert!(ranges.is_empty(), "{file}: {ranges:?}");
    }
}
