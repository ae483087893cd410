//! Virtual authenticators of Chromium (`DevTools` domain `WebAuthn`), and an app with one-time codes (`pyotp`).

use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{browser::Browser, packages, site::Site};

/// A virtual authenticator of a browser.
#[derive(Clone, Debug)]
pub struct VirtualAuthenticator {
    id: String,
}

/// What a virtual authenticator can do.
#[derive(Clone, Copy, Debug)]
pub struct Abilities {
    /// How it is connected.
    pub transport: Transport,
    /// Whether it keeps discoverable credentials.
    pub has_resident_key: bool,
    /// Whether it verifies its user.
    pub has_user_verification: bool,
    /// Whether its credentials are synced.
    pub is_synced: bool,
}

/// How an authenticator is connected.
#[derive(Clone, Copy, Debug)]
pub enum Transport {
    /// It is a part of the device.
    Internal,
    /// It is a security key on USB.
    Usb,
}

/// A platform authenticator whose passkeys are synced.
pub const PHONE: Abilities = Abilities {
    transport: Transport::Internal,
    has_resident_key: true,
    has_user_verification: true,
    is_synced: true,
};

/// A security key without discoverable credentials and user verification.
pub const OLD_KEY: Abilities = Abilities {
    transport: Transport::Usb,
    has_resident_key: false,
    has_user_verification: false,
    is_synced: false,
};

impl VirtualAuthenticator {
    /// Adds an authenticator to the current tab of a browser. Its user is present, and verified where it can verify users.
    pub async fn add(browser: &Browser, abilities: Abilities) -> Self {
        let cdp = browser.driver.cdp();
        cdp.send_raw("WebAuthn.enable", json!({})).await.unwrap();
        let options = json!({
            "protocol": "ctap2",
            "transport": match abilities.transport {
                Transport::Internal => "internal",
                Transport::Usb => "usb",
            },
            "hasResidentKey": abilities.has_resident_key,
            "hasUserVerification": abilities.has_user_verification,
            "isUserVerified": abilities.has_user_verification,
            "automaticPresenceSimulation": true,
            "defaultBackupEligibility": abilities.is_synced,
            "defaultBackupState": abilities.is_synced,
        });
        let added = cdp.send_raw(
            "WebAuthn.addVirtualAuthenticator",
            json!({"options": options}),
        );
        let id = added.await.unwrap()["authenticatorId"].clone();
        Self {
            id: id.as_str().unwrap().to_owned(),
        }
    }

    /// Its credentials.
    pub async fn credentials(&self, browser: &Browser) -> Vec<Value> {
        let answer = self.send(browser, "WebAuthn.getCredentials", json!({}));
        answer.await["credentials"].as_array().unwrap().clone()
    }

    /// Whether its user touches it without being asked.
    pub async fn set_presence(&self, browser: &Browser, is_present: bool) {
        let command = "WebAuthn.setAutomaticPresenceSimulation";
        self.send(browser, command, json!({"enabled": is_present}))
            .await;
    }

    /// Whether the verification of its user succeeds.
    pub async fn set_user_verified(&self, browser: &Browser, is_verified: bool) {
        let command = "WebAuthn.setUserVerified";
        self.send(browser, command, json!({"isUserVerified": is_verified}))
            .await;
    }

    /// Removes it from the browser, as if it was lost.
    pub async fn remove(self, browser: &Browser) {
        self.send(browser, "WebAuthn.removeVirtualAuthenticator", json!({}))
            .await;
    }

    async fn send(&self, browser: &Browser, command: &str, mut arguments: Value) -> Value {
        arguments["authenticatorId"] = self.id.clone().into();
        let cdp = browser.driver.cdp();
        cdp.send_raw(command, arguments).await.unwrap()
    }
}

/// The current code of a secret by `pyotp`, `steps` half minutes from now.
pub async fn pyotp_code(uri: &str, steps: i64) -> String {
    let script = "import sys, time, pyotp
app = pyotp.parse_uri(sys.argv[1])
print(app.at(int(time.time()) + 30 * int(sys.argv[2])))";
    let output = Command::new("python3")
        .args(["-c", script, uri, &steps.to_string()])
        .env("PYTHONPATH", packages::of_python())
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    text
}

/// Sets up one-time codes in the session of a browser, with `pyotp` as the app, and returns the URI of their secret. The current code is used, and
/// the next one is accepted, too.
pub async fn set_up_totp(site: &Site, cookie: &str) -> String {
    let path = "/api/account/totp";
    let started = site.send_json(Method::POST, path, cookie, &json!({})).await;
    let started: Value = started.json().await.unwrap();
    let uri = started["uri"].as_str().unwrap().to_owned();
    let confirmation = json!({
        "enrolment": started["enrolment"],
        "code": pyotp_code(&uri, 0).await,
    });
    let path = "/api/account/totp/confirm";
    let confirmed = site.send_json(Method::POST, path, cookie, &confirmation);
    assert_eq!(confirmed.await.status(), 204);
    uri
}
