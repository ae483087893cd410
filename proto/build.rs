//! Compiles every `auth/v1/*.proto`, without `protoc`.

use std::{env, error::Error, fs, io, path::PathBuf};

/// Directory of the package, relative to the import root.
const PACKAGE: &str = "auth/v1";

/// Returns the `.proto` files of the package, in the order of their names, so that the output is reproducible.
fn proto_files() -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(PACKAGE)?.map(|entry| Ok(entry?.path()));
    let mut files = entries.collect::<io::Result<Vec<_>>>()?;
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "proto")
    });
    files.sort();
    Ok(files)
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PACKAGE}");

    let descriptors = protox::Compiler::new(["."])?
        .include_imports(true)
        .include_source_info(true)
        .open_files(proto_files()?)?
        .file_descriptor_set();
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(
        out_dir.join("descriptors.bin"),
        protox::prost::Message::encode_to_vec(&descriptors),
    )?;

    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
