//! The parts of the tests: which test targets each of them runs, and which tools it needs.

use clap::ValueEnum;

use crate::install::Tool;

/// A part of the tests, for `cargo xtask test --only`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Unit tests of every crate, and checks of the contract, the documents and the code style, and the model of revocation. Needs nothing
    Unit,
    /// auth-service through its gRPC port, in the process of the test. Needs nothing
    AuthService,
    /// web-service through its HTTPS port, in the process of the test. Needs nothing
    WebService,
    /// The store on PostgreSQL, with a server that is started for the tests
    Postgres,
    /// Both programs with Chromium, Redis, grpcurl, and clients in Node and Python
    E2e,
    /// Histories of clients while the parts of an installation fail. Needs PostgreSQL and Redis
    History,
    /// The commands of README.md, as written. Needs curl and grpcurl
    Readme,
    /// Two web-services on one Redis: what ends a login ends it in both. Needs Redis
    Revocation,
    /// Passkeys with authenticators and relying parties in Node and Python
    Webauthn,
    /// People sign in with Chromium to applications with OpenID Connect libraries of other projects: in Node, in Python, and Apache
    RelyingParties,
    /// Hostile input, floods of frames, unfinished and slow requests. Needs Chromium
    Hostile,
    /// Two hundred sign-ins at once, and equal response times of all rejections. Needs nothing
    Load,
    /// The proxy configurations of deploy/, each with its proxy
    Proxies,
    /// The stack of docker-compose.yml, with failures of each service. Needs a container engine
    Compose,
    /// The Debian packages, on a machine with systemd. Needs a container engine
    Systemd,
    /// The stack of deploy/ha, upgraded and run through the failure of each part. Needs a container engine
    Ha,
}

impl Part {
    /// The names of the part's integration tests, as in `cargo test --test NAME`.
    #[must_use]
    pub const fn targets(self) -> &'static [&'static str] {
        match self {
            Self::Unit => &[
                "ceremonies",
                "conformance",
                "crates",
                "docs",
                "doctor",
                "limits",
                "logs",
                "model",
                "expiry",
                "parts",
                "passkey",
                "style",
            ],
            Self::AuthService | Self::WebService => &["service"],
            Self::Postgres => &["postgres", "transfer"],
            Self::E2e => &["e2e"],
            Self::History => &["history"],
            Self::Readme => &["readme"],
            Self::Revocation => &["revocation"],
            Self::Webauthn => &["interoperability"],
            Self::RelyingParties => &["relying_parties"],
            Self::Hostile => &["hostile", "slow", "unfinished"],
            Self::Load => &["flood", "timing"],
            Self::Proxies => &["proxies"],
            Self::Compose => &["compose"],
            Self::Systemd => &["systemd"],
            Self::Ha => &["ha"],
        }
    }

    /// What has to be installed.
    #[must_use]
    pub const fn tools(self) -> &'static [Tool] {
        match self {
            Self::Unit | Self::AuthService | Self::WebService | Self::Load => &[],
            Self::Postgres => &[Tool::Postgres],
            Self::History => &[Tool::Postgres, Tool::Redis, Tool::Faketime],
            Self::E2e => &[
                Tool::Redis,
                Tool::Postgres,
                Tool::Prometheus,
                Tool::Faketime,
                Tool::Chromium,
                Tool::Curl,
                Tool::Procps,
                Tool::Node,
                Tool::Python,
                Tool::Grpcurl,
                Tool::Valgrind,
            ],
            Self::Readme => &[Tool::Curl, Tool::Grpcurl],
            Self::Revocation => &[Tool::Redis],
            Self::Webauthn => &[Tool::Node, Tool::Webauthn],
            Self::RelyingParties => &[
                Tool::Chromium,
                Tool::NodeRelyingParties,
                Tool::PythonRelyingParties,
                Tool::Apache,
            ],
            Self::Hostile => &[Tool::Chromium],
            Self::Proxies => &[Tool::Proxies],
            Self::Systemd => &[Tool::ContainerEngine],
            Self::Compose | Self::Ha => &[Tool::ContainerEngine, Tool::Curl, Tool::Grpcurl],
        }
    }

    /// Whether the tests start the built programs.
    #[must_use]
    pub const fn needs_programs(self) -> bool {
        !matches!(
            self,
            Self::Unit | Self::AuthService | Self::WebService | Self::Postgres | Self::Webauthn
        )
    }

    /// The command that runs the part of this integration test, for messages of tests that miss something.
    #[must_use]
    pub fn command_for(target: &str) -> String {
        let part = Self::value_variants()
            .iter()
            .find(|part| part.targets().contains(&target))
            .and_then(ValueEnum::to_possible_value);
        part.map_or_else(
            || "cargo xtask test".to_owned(),
            |part| format!("cargo xtask test --only {}", part.get_name()),
        )
    }
}
