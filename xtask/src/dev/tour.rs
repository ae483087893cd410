//! What to do first.

use std::thread;

use crate::dev::{
    Options,
    secrets::{ACCOUNT, Account},
};

/// Says where everything is, with lines to paste. That nobody reads it keeps nobody from ending the services.
pub(super) fn print(options: &Options, account: &Account) {
    let Options {
        web_port,
        auth_port,
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
