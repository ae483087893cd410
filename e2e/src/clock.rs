//! The system clock of a program, which can be set wrong while it runs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use crate::packages;

/// Where Debian installs libfaketime, in a directory for each architecture.
const LIBRARIES: &str = "/usr/lib";
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// The clock of a program.
pub struct WrongClock {
    /// The difference from the right time, in seconds.
    difference: PathBuf,
}

impl WrongClock {
    /// A clock that is right, with a file in a directory.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        let clock = Self {
            difference: directory.join("clock"),
        };
        clock.set(0);
        clock
    }

    /// Makes this the clock of a program that is started.
    pub fn apply(&self, command: &mut Command) {
        command.envs(self.settings());
    }

    /// The environment of a program that makes this its clock. Elapsed time, which the program measures by `CLOCK_MONOTONIC`, stays right.
    #[must_use]
    pub fn settings(&self) -> [(&'static str, String); 4] {
        let text = |path: &Path| path.display().to_string();
        [
            ("LD_PRELOAD", text(&library())),
            ("FAKETIME_TIMESTAMP_FILE", text(&self.difference)),
            ("FAKETIME_CACHE_DURATION", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }

    /// Sets the clock wrong by these seconds; the program notices it within a second.
    pub fn set(&self, seconds: i8) {
        fs::write(&self.difference, format!("{seconds:+}")).unwrap();
    }
}

fn library() -> PathBuf {
    let directories = fs::read_dir(LIBRARIES).unwrap();
    let mut libraries = directories.map(|directory| directory.unwrap().path().join(LIBRARY));
    let found = libraries.find(|library| library.exists());
    found.unwrap_or_else(|| panic!("libfaketime is missing; run {}", packages::command()))
}
