//! A program, of this workspace or from the system, as a child process.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

use crate::{packages, process, wait::until};

const EXIT_DEADLINE: Duration = Duration::from_secs(15);

/// The path of a built program of this workspace.
#[must_use]
pub fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let directory = test.ancestors().nth(2).unwrap();
    let program = directory.join(name);
    assert!(
        program.exists(),
        "{} is not built; run {}",
        program.display(),
        packages::command()
    );
    program
}

/// `cargo dev` in this directory. It does not build: the tests of one run share the built programs.
#[must_use]
pub fn cargo_dev(directory: &Path) -> Command {
    let xtask = built("xtask");
    // Where the tests were started by `nohup`, they ignore SIGHUP, and so would every program that they start.
    let mut command = Command::new("env");
    command
        .arg("--default-signal=HUP")
        .arg(&xtask)
        .arg("dev")
        .arg("--programs")
        .arg(xtask.parent().unwrap())
        .current_dir(directory);
    command
}

/// A running program and the lines that it has written so far. It is killed when this is dropped.
pub struct Program {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
    is_read: watch::Sender<bool>,
    is_parent: bool,
}

impl Program {
    /// Starts a program. Settings of the services in the environment of this process are removed.
    pub fn start(command: &mut Command) -> Self {
        let mut program = Self::start_without_readers(command);
        let outputs = (program.child.stdout.take(), program.child.stderr.take());
        program.readers = vec![
            collect(
                outputs.0.unwrap(),
                &program.lines,
                program.is_read.subscribe(),
            ),
            collect(
                outputs.1.unwrap(),
                &program.lines,
                program.is_read.subscribe(),
            ),
        ];
        program
    }

    /// Starts a program whose outputs are closed at the other end.
    pub fn start_with_closed_output(command: &mut Command) -> Self {
        let mut program = Self::start_without_readers(command);
        drop((program.child.stdout.take(), program.child.stderr.take()));
        program
    }

    fn start_without_readers(command: &mut Command) -> Self {
        without_settings(command);
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|why| {
                panic!(
                    "cannot start {command:?}: {why}; run {}",
                    packages::command()
                )
            });
        Self {
            child,
            lines: Arc::default(),
            readers: Vec::new(),
            is_read: watch::Sender::new(true),
            is_parent: false,
        }
    }

    /// Stops reading the outputs while they stay open, or resumes reading them.
    pub fn read_output(&self, is_read: bool) {
        self.is_read.send_replace(is_read);
    }

    /// The lines that it has written to both outputs so far.
    #[must_use]
    pub fn output(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// Waits for the JSON log line with this message.
    pub async fn logged(&mut self, message: &str) -> Value {
        until(message, async || {
            let lines = self.lines.lock().unwrap().clone();
            let found = lines
                .iter()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .find(|line| line["message"] == message);
            let is_there = found.is_some() || self.is_running();
            assert!(is_there, "the program ended:\n{}", lines.join("\n"));
            found
        })
        .await
    }

    /// Waits for the address of the ops port of a service, host and port.
    pub async fn ops_address(&mut self) -> String {
        let line = self.logged("listening").await;
        line["ops_address"].as_str().unwrap().to_owned()
    }

    /// Waits until the output contains `text`; panics when the program ends before.
    pub async fn printed(&mut self, text: &str) {
        until(text, async || {
            let output = self.output();
            let found = output.contains(text);
            assert!(found || self.is_running(), "the program ended:\n{output}");
            found.then_some(())
        })
        .await;
    }

    /// Whether the process has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.child.id().expect("the program runs").cast_signed()
    }

    /// Sends a signal to this process, not to its children.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.id()).unwrap(), signal).unwrap();
    }

    /// Suspends the process while its connections stay open (SIGSTOP), or resumes it (SIGCONT).
    pub fn hang(&self, hangs: bool) {
        self.signal(if hangs { Signal::STOP } else { Signal::CONT });
        // It stops a moment later than the signal is sent.
        while hangs && !process::is_stopped(self.id()) {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Tells that it has children, which only it can end.
    #[must_use]
    pub const fn with_children(mut self) -> Self {
        self.is_parent = true;
        self
    }

    fn terminate(&mut self) {
        let Some(pid) = self
            .child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
        else {
            return;
        };
        let _ = kill_process(pid, Signal::TERM);
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < EXIT_DEADLINE {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.start_kill();
    }

    /// Waits for the end of the process; panics after `EXIT_DEADLINE`.
    pub async fn exit(&mut self) -> ExitStatus {
        let exited = timeout(EXIT_DEADLINE, self.child.wait()).await;
        let status =
            exited.unwrap_or_else(|_| panic!("the program does not end:\n{}", self.output()));
        // Its last lines may not have been read yet.
        self.read_output(true);
        for reader in self.readers.drain(..) {
            let _ = timeout(EXIT_DEADLINE, reader).await;
        }
        status.unwrap()
    }

    /// Sends SIGTERM and waits for the end.
    pub async fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.exit().await
    }
}

/// Leaves nothing running after a test, failed or not. Waiting here blocks the runtime of the test and with it the other end of
/// open connections, so only a program with children gets the time to stop them.
impl Drop for Program {
    fn drop(&mut self) {
        if self.is_parent {
            self.terminate();
        } else {
            let _ = self.child.start_kill();
        }
    }
}

fn without_settings(command: &mut Command) {
    let given: Vec<_> = command
        .as_std()
        .get_envs()
        .map(|(key, _)| key.to_owned())
        .collect();
    for (key, _) in std::env::vars_os().filter(|(key, _)| !given.contains(key)) {
        let name = key.to_string_lossy();
        if name.starts_with("AUTH_") || name.starts_with("WEB_") {
            command.env_remove(key);
        }
    }
}

fn collect(
    output: impl AsyncRead + Unpin + Send + 'static,
    lines: &Arc<Mutex<Vec<String>>>,
    mut is_read: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let lines = Arc::clone(lines);
    tokio::spawn(async move {
        let mut reader = BufReader::new(output).lines();
        while is_read.wait_for(|is_read| *is_read).await.is_ok() {
            let Ok(Some(line)) = reader.next_line().await else {
                return;
            };
            lines.lock().unwrap().push(line);
        }
    })
}

/// Runs a command to its end, without settings of the test's own environment. Returns its exit status, and its standard output.
pub async fn output(command: &mut Command) -> (Option<i32>, String) {
    without_settings(command);
    let output = command.output().await.unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    (output.status.code(), printed.into_owned())
}

/// Runs a program of this workspace to its end, with `input` as standard input. Returns whether it succeeded, and its output.
pub async fn run(
    program: &str,
    arguments: &[&str],
    environment: &[(&str, &Path)],
    input: &str,
) -> (bool, String) {
    use tokio::io::AsyncWriteExt as _;
    let mut command = Command::new(built(program));
    command.args(arguments).envs(environment.iter().copied());
    without_settings(&mut command);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program that fails before it reads closes its end.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&printed).into_owned(),
    )
}
