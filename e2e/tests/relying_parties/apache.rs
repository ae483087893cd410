//! Apache with the configuration of `mod_auth_openidc`.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use e2e::pair::Pair;
use tokio::process::Command;

use crate::application::directory;

/// Its pages: for those who are signed in, and after a sign-out.
const PAGES: [(&str, &str); 2] = [
    (
        "index.shtml",
        "Signed in as <!--#echo var=\"REMOTE_USER\" -->",
    ),
    ("signed-out.shtml", "Signed out"),
];

/// The command that runs Apache in the foreground, in a directory of its own.
pub(crate) fn command(pair: &Pair, configuration: &Path) -> Command {
    // The processes that serve requests run as another user, who may not read the data of the services.
    let home = pair.directory.path().join("apache");
    fs::create_dir_all(home.join("pages")).unwrap();
    for directory in [pair.directory.path(), &home, &home.join("pages")] {
        fs::set_permissions(directory, Permissions::from_mode(0o711)).unwrap();
    }
    for (name, text) in PAGES {
        fs::write(home.join("pages").join(name), text).unwrap();
    }
    let ca_file = home.join("ca.pem");
    fs::copy(&pair.site.ca_file, &ca_file).unwrap();
    fs::copy(directory().join("apache.conf"), home.join("apache.conf")).unwrap();
    fs::copy(configuration, home.join("mod_auth_openidc.conf")).unwrap();
    for name in ["ca.pem", "apache.conf", "mod_auth_openidc.conf"] {
        fs::set_permissions(home.join(name), Permissions::from_mode(0o644)).unwrap();
    }
    let mut apache = Command::new("apache2");
    apache
        .args(["-D", "FOREGROUND", "-f"])
        .arg(home.join("apache.conf"))
        .env("HOME", &home)
        .env("CA_FILE", ca_file);
    apache
}
