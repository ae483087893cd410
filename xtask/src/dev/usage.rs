//! The text that `cargo dev` prints when both services are ready.

use std::thread;

use crate::dev::{
    Options,
    secrets::{ACCOUNT, Account},
};

/// Prints the address, the account and commands to paste. On a thread of its own: an output that is not read must not keep the
/// services from being stopped.
pub(super) fn print(options: &Options, account: &Account) {
    let Options {
        web_port,
        auth_port,
        app_port,
        data_dir,
        ..
    } = options;
    let ca = data_dir.join("ca.pem");
    let (ca, password_file) = (ca.display(), account.password_file.display());
    let password = &account.password;
    let text = format!(
        r#"
Holdfast is ready.

  Open        https://localhost:{web_port}
              (your browser will warn until it trusts {ca})
  Username    {ACCOUNT}
  Password    {password}
  Sign in to an application by OpenID Connect: http://127.0.0.1:{app_port}

  curl --cacert {ca} https://localhost:{web_port}/api/login \
    --json "{{\"username\":\"{ACCOUNT}\",\"password\":\"$(cat {password_file})\"}}"

  grpcurl -plaintext \
    -d "{{\"username\":\"{ACCOUNT}\",\"password\":\"$(cat {password_file})\"}}" \
    localhost:{auth_port} auth.v1.AuthService/Login

Ctrl-C ends both services. The data stays in {}.
"#,
        data_dir.display()
    );
    thread::spawn(move || println!("{text}"));
}
