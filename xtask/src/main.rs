//! Commands for developers: `cargo dev` and `cargo xtask`.
#![expect(clippy::print_stdout, reason = "this is a command line")]

mod dev;
mod docker;
mod fuzz;
mod release;
mod test;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use holdfast_server_kit::exit;
use xtask::{install, package, parts, postgres, workspace};

#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build and start both services on this machine, with an account `demo`
    Dev(dev::Options),
    /// Install the tools that the tests need, and run all tests or parts of them
    Test(test::Options),
    /// Run every fuzz target: random input for what parses data of clients
    Fuzz(fuzz::Options),
    /// Measure the cost of checks, beside a bare handler and alternatives, and write docs/benchmarks
    Bench {
        /// Arguments for the benchmark; `cargo xtask bench --help` lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Build the optimised programs into target/dist
    Release,
    /// Build Debian packages of both services into target/dist
    Package {
        /// Use the programs in this directory, and build none
        #[arg(long, value_name = "DIRECTORY")]
        programs: Option<PathBuf>,
    },
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
            Task::Release => release::run().map(drop),
            Task::Package { programs } => {
                let programs = programs.map_or_else(release::run, Ok)?;
                let packages = package::build(&programs, package::VERSION, &release::directory())?;
                for package in packages {
                    println!("{}", package.display());
                }
                Ok(())
            }
        }
    })
}
