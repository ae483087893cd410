//! The proxies and their start.

use std::{fs, path::Path};

use e2e::{pair::Pair, program::Program, wait::until};
use tokio::{net::TcpStream, process::Command};

/// A proxy of `deploy/`.
pub(crate) struct Proxy {
    pub(crate) directory: &'static str,
    command: &'static [&'static str],
    pub(crate) port: u16,
    /// Status of the response while web-service is down.
    pub(crate) denied: u16,
    /// A text of the configuration, and what replaces it.
    edit: Option<(&'static str, &'static str)>,
}

pub(crate) const NGINX: Proxy = Proxy {
    directory: "nginx",
    command: &["nginx", "-p", ".", "-c", "nginx.conf"],
    port: 8444,
    denied: 500,
    edit: None,
};

/// In front of web-service; [`NGINX`] is in front of an application.
pub(crate) const NGINX_OF_WEB_SERVICE: Proxy = Proxy {
    directory: "nginx",
    command: &["nginx", "-p", ".", "-c", "web-service.conf"],
    port: 8448,
    denied: 502,
    edit: None,
};

pub(crate) const CADDY: Proxy = Proxy {
    directory: "caddy",
    command: &["caddy", "run", "--config", "Caddyfile"],
    port: 8445,
    denied: 502,
    edit: None,
};

pub(crate) const HAPROXY: Proxy = Proxy {
    directory: "haproxy",
    command: &["haproxy", "-f", "haproxy.cfg"],
    port: 8446,
    denied: 503,
    edit: None,
};

/// In front of an application; [`HAPROXY`] is in front of web-service.
pub(crate) const HAPROXY_OF_APPLICATION: Proxy = Proxy {
    directory: "haproxy",
    command: &["haproxy", "-f", "application.cfg"],
    port: 8447,
    denied: 503,
    edit: None,
};

impl Proxy {
    pub(crate) fn origin(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The proxy with a text of its configuration replaced.
    pub(crate) const fn edited(self, text: &'static str, other: &'static str) -> Self {
        Self {
            edit: Some((text, other)),
            ..self
        }
    }

    /// Starts the proxy with a copy of its configuration and the certificate of `pair`.
    pub(crate) async fn start(&self, pair: &Pair) -> Program {
        let home = pair.directory.path().join(self.directory);
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../deploy")
            .join(self.directory);
        fs::create_dir(&home).unwrap();
        for entry in fs::read_dir(shipped).unwrap() {
            let file = entry.unwrap();
            fs::copy(file.path(), home.join(file.file_name())).unwrap();
        }
        let made = |name: &str| pair.directory.path().join(name);
        for name in ["localhost.pem", "localhost.key", "ca.pem"] {
            fs::copy(made(name), home.join(name)).unwrap();
        }
        let both = ["localhost.pem", "localhost.key"].map(|name| fs::read(made(name)).unwrap());
        fs::write(home.join("localhost.both.pem"), both.concat()).unwrap();
        let [program, arguments @ .., configuration] = self.command else {
            panic!("the command is too short")
        };
        if let Some((text, other)) = self.edit {
            let file = home.join(configuration);
            let shipped = fs::read_to_string(&file).unwrap();
            assert_eq!(shipped.matches(text).count(), 1, "{text}");
            fs::write(file, shipped.replace(text, other)).unwrap();
        }
        let mut command = Command::new(program);
        command
            .args(arguments)
            .arg(configuration)
            .current_dir(&home)
            .env("HOME", &home);
        let program = Program::start(&mut command).with_children();
        let address = format!("127.0.0.1:{}", self.port);
        until(self.directory, async || {
            TcpStream::connect(&address).await.ok()
        })
        .await;
        program
    }
}
