//! Rebuilds when a page changes, as they are compiled in, and leaves the symbol table out of release binaries.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=templates");
    println!("cargo::rerun-if-changed=static");
    if env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        // Line tables stay, so that a backtrace names file and line.
        println!("cargo::rustc-link-arg-bins=-Wl,-x");
    }
}
