//! Programs of other projects, which answer each line with a line.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Lines, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::Value;

/// A program that runs until this is dropped.
pub(crate) struct Peer {
    process: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    /// `e2e/clients/webauthn.py`.
    pub(crate) fn python() -> Self {
        let mut command = Command::new("python3");
        command
            .arg(script("webauthn.py"))
            .env("PYTHONPATH", packages("HOLDFAST_TEST_WEBAUTHN"));
        Self::start(command)
    }

    /// `e2e/clients/webauthn.mjs`.
    pub(crate) fn node() -> Self {
        // Node resolves modules beside the script.
        let copy = packages("HOLDFAST_TEST_NODE").join("webauthn.mjs");
        fs::copy(script("webauthn.mjs"), &copy).unwrap();
        let mut command = Command::new("node");
        command.arg(copy);
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        Self {
            input: process.stdin.take(),
            output: BufReader::new(process.stdout.take().unwrap()).lines(),
            process,
        }
    }

    pub(crate) fn ask(&mut self, question: &Value) -> Value {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{question}").unwrap();
        let line = self.output.next().unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.input.take());
        self.process.wait().unwrap();
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../e2e/clients")
        .join(name)
}

fn packages(variable: &str) -> PathBuf {
    let directory = env::var_os(variable).filter(|value| !value.is_empty());
    let directory = directory.map(PathBuf::from);
    directory.unwrap_or_else(|| {
        panic!("{variable} is not set; run cargo xtask test --only webauthn");
    })
}
