//! Compiles `auth/v1/*.proto` without a `protoc` on the machine.

use std::{env, error::Error, fs, path::PathBuf};

const PROTOS: [&str; 11] = [
    "auth/v1/account_service.proto",
    "auth/v1/admin_service.proto",
    "auth/v1/audit_event.proto",
    "auth/v1/auth_service.proto",
    "auth/v1/client.proto",
    "auth/v1/dpop.proto",
    "auth/v1/error_reason.proto",
    "auth/v1/login.proto",
    "auth/v1/oauth_client.proto",
    "auth/v1/revocation.proto",
    "auth/v1/user.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=auth");

    let descriptors = protox::Compiler::new(["."])?
        .include_imports(true)
        .include_source_info(true)
        .open_files(PROTOS)?
        .file_descriptor_set();
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(
        out_dir.join("descriptors.bin"),
        protox::prost::Message::encode_to_vec(&descriptors),
    )?;

    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
