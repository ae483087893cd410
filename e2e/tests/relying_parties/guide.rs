//! The examples of docs/integrate.md are the applications that are tested.

use std::fs;

use crate::application::directory;

const PAGE: &str = include_str!("../../../docs/integrate.md");

#[test]
fn examples_of_integration_guide_are_tested_applications() {
    for (language, file) in [
        ("python", "flask_authlib.py"),
        ("javascript", "express_openid_connect.mjs"),
        ("javascript", "next/auth.js"),
        ("javascript", "next/proxy.js"),
        ("javascript", "next/app/api/auth/[...nextauth]/route.js"),
        ("apache", "mod_auth_openidc.conf"),
    ] {
        let code = fs::read_to_string(directory().join(file)).unwrap();
        let block = format!("```{language}\n{code}```\n");
        assert!(PAGE.contains(&block), "the page does not contain {file}");
    }
}
