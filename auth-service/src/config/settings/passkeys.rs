//! The relying party of passkeys, from the settings.

use holdfast_core::text;
use holdfast_server_kit::config::Problems;
use holdfast_webauthn::{Origin, RelyingParty};

use crate::config::settings::Settings;

impl Settings {
    /// `Some(None)`: passkeys are not used.
    pub(super) fn passkeys(
        &self,
        problems: &mut Problems,
        issuer: Option<&str>,
    ) -> Option<Option<RelyingParty>> {
        let switch = self.passkeys.as_ref();
        let switch = switch.map(|text| problems.switch("AUTH_PASSKEYS", text));
        let is_on = match switch {
            Some(switch) => Some(switch?),
            None => None,
        };
        let texts = text::items(&self.passkey_origins);
        let related: Result<Vec<Origin>, _> = texts
            .map(|text| text.parse().map_err(|why| format!("{text:?} {why}")))
            .collect();
        let related = problems.check("AUTH_PASSKEY_ORIGINS", related);
        let (issuer, related) = (issuer?, related?);
        let is_named = is_on == Some(true) || self.passkey_domain.is_some();
        let origin = match issuer.parse::<Origin>() {
            _ if is_on == Some(false) => return Some(None),
            Ok(origin) => origin,
            // The address of a machine.
            Err(_) if !is_named => return Some(None),
            Err(_) => {
                problems.add(
                    "AUTH_PASSKEYS: passkeys need an AUTH_ISSUER with a domain name and https",
                );
                return None;
            }
        };
        let host = origin.as_str().split("://").nth(1).unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default();
        let id = self.passkey_domain.as_deref().unwrap_or(host);
        let party = RelyingParty::new(id, host, origin.clone(), related);
        let party = party.map_err(|why| why.to_string());
        problems.check("AUTH_PASSKEY_DOMAIN", party).map(Some)
    }
}
