//! The relying party: its identifier, and the origins whose pages use its credentials.

use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;

use crate::origin::{Origin, is_domain};

/// Why a relying party cannot be made of these settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRelyingParty {
    /// The RP ID is not a domain name in lower case.
    #[error("the RP ID is not a domain name, such as example.org")]
    Id,
    /// The RP ID is neither the host of the first origin nor a suffix of it, so that no browser would accept it.
    #[error("the RP ID is not the domain of the first origin, nor a parent of it")]
    OtherDomain,
}

/// A WebAuthn relying party.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    id: String,
    id_hash: [u8; 32],
    name: String,
    origins: Vec<Origin>,
}

impl RelyingParty {
    /// A relying party with its RP ID, a name for people, the origin of its own pages, and related origins and apps.
    ///
    /// That the RP ID is no public suffix, such as `co.uk`, is checked by browsers.
    ///
    /// # Errors
    /// Any [`InvalidRelyingParty`].
    pub fn new(
        id: &str,
        name: &str,
        origin: Origin,
        related: Vec<Origin>,
    ) -> Result<Self, InvalidRelyingParty> {
        if !is_domain(id) {
            return Err(InvalidRelyingParty::Id);
        }
        if !is_within(&origin, id) {
            return Err(InvalidRelyingParty::OtherDomain);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, id.as_bytes()).as_ref());
        Ok(Self {
            id: id.to_owned(),
            id_hash: hash,
            name: name.to_owned(),
            origins: [vec![origin], related].concat(),
        })
    }

    /// The RP ID (WebAuthn §4). Credentials are bound to it: a change makes all of them useless.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The document at `/.well-known/webauthn` of the RP ID's own host, by which a browser lets pages of other domains use its credentials
    /// (WebAuthn §5.11). `None` if there are none.
    #[must_use]
    pub fn related_origins(&self) -> Option<RelatedOrigins<'_>> {
        let is_other = |origin: &&Origin| origin.host().is_some() && !is_within(origin, &self.id);
        let origins: Vec<_> = self.origins.iter().filter(is_other).collect();
        (!origins.is_empty()).then_some(RelatedOrigins { origins })
    }

    pub(crate) const fn id_hash(&self) -> &[u8; 32] {
        &self.id_hash
    }

    pub(crate) fn has_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|own| own.as_str() == origin)
    }
}

/// Whether a page of this origin may use this RP ID: the host is equal to it, or a subdomain of it.
fn is_within(origin: &Origin, id: &str) -> bool {
    let parent = |host: &str| host.strip_suffix(id).is_some_and(|sub| sub.ends_with('.'));
    origin.host().is_some_and(|host| host == id || parent(host))
}

/// The content of `/.well-known/webauthn`, in JSON (WebAuthn §5.11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RelatedOrigins<'a> {
    /// The origins of other domains. Browsers consider those of five registrable domains at least.
    pub origins: Vec<&'a Origin>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(
        id: &str,
        origin: &str,
        related: &[&str],
    ) -> Result<RelyingParty, InvalidRelyingParty> {
        let related = related.iter().map(|text| text.parse().unwrap()).collect();
        RelyingParty::new(id, "Example", origin.parse().unwrap(), related)
    }

    #[test]
    fn id_is_the_domain_of_the_origin_or_a_parent_of_it() {
        for (id, origin) in [
            ("example.org", "https://example.org"),
            ("example.org", "https://login.example.org:8443"),
            ("localhost", "https://localhost:8443"),
        ] {
            assert!(party(id, origin, &[]).is_ok(), "{id} {origin}");
        }
        for (id, origin, expected) in [
            ("", "https://example.org", InvalidRelyingParty::Id),
            (
                "Example.org",
                "https://example.org",
                InvalidRelyingParty::Id,
            ),
            (
                "https://example.org",
                "https://example.org",
                InvalidRelyingParty::Id,
            ),
            ("192.0.2.1", "https://example.org", InvalidRelyingParty::Id),
            (
                "ample.org",
                "https://example.org",
                InvalidRelyingParty::OtherDomain,
            ),
            (
                "login.example.org",
                "https://example.org",
                InvalidRelyingParty::OtherDomain,
            ),
            (
                "example.com",
                "https://example.org",
                InvalidRelyingParty::OtherDomain,
            ),
        ] {
            assert_eq!(
                party(id, origin, &[]).unwrap_err(),
                expected,
                "{id} {origin}"
            );
        }
    }

    #[test]
    fn related_origins_are_those_of_other_domains() {
        let app = "android:apk-key-hash:0123456789-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcde";
        let own = ["https://example.org", "https://app.example.org"];
        let party = party(
            "example.org",
            own[0],
            &[own[1], "https://example.com", app, "https://badexample.org"],
        )
        .unwrap();
        let document = serde_json::to_string(&party.related_origins().unwrap()).unwrap();
        assert_eq!(
            document,
            r#"{"origins":["https://example.com","https://badexample.org"]}"#
        );
        for origin in [own[0], own[1], "https://example.com", app] {
            assert!(party.has_origin(origin), "{origin}");
        }
        for origin in [
            "https://example.org:8443",
            "https://b.example.org",
            "",
            "null",
        ] {
            assert!(!party.has_origin(origin), "{origin}");
        }
    }
}
