//! What a developer of this project runs: `cargo dev` and `cargo xtask`.
#![expect(clippy::print_stdout, reason = "this is a command line")]

mod dev;
mod docker;
mod fuzz;
mod release;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use holdfast_server_kit::exit;
use xtask::{install, workspace};

#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build and start both services on this machine, with an account to try
    Dev(dev::Options),
    /// Install what the tests need, then run all of them
    Test(test::Options),
    /// Feed chance to everything that reads what clients send
    Fuzz(fuzz::Options),
    /// Measure what checks cost, beside the floor and beside what one would take instead
    Bench {
        /// Passed on to the benchmark; `--help` lists what it takes
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Build the programs as they are shipped, into target/dist
    Release,
}

fn main() -> ExitCode {
    let Cli { task } = Cli::parse();
    exit::run("cargo xtask", async {
        match task {
            Task::Dev(options) => dev::run(options).await,
            Task::Test(options) => test::run(&options),
            Task::Fuzz(options) => fuzz::run(&options),
            Task::Bench { arguments } => {
                let run = ["run", "--package", "bench", "--"];
                let arguments = arguments.iter().map(String::as_str);
                workspace::cargo(&run.into_iter().chain(arguments).collect::<Vec<_>>())
            }
            Task::Release => release::run(),
        }
    })
}
