//! Subject identifiers: `sub` and `sid` in tokens (OpenID Connect Core 1.0 §8).
//!
//! They are those of the account and the login, or pairwise: then relying parties of different sectors cannot find out by them that they have
//! an account in common.

use std::{fmt, str::FromStr};

use url::{Host, Url};

use crate::{
    id::{SessionId, Sid, SubjectId, UserId},
    oauth::RedirectUri,
};

/// The identifiers of an account and of one of its logins, as tokens contain them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubjectIds {
    /// `sub`.
    pub subject: SubjectId,
    /// `sid`.
    pub sid: SessionId,
}

impl SubjectIds {
    /// Those that are not pairwise.
    #[must_use]
    pub const fn public(user: UserId, sid: Sid) -> Self {
        Self {
            subject: SubjectId::from_bytes(*user.as_bytes()),
            sid: SessionId::from_bytes(*sid.as_bytes()),
        }
    }
}

/// Computes subject identifiers, and what they identify. They are stable: the same in each token, for as long as the account or login exists.
pub trait SubjectIdCodec: Send + Sync {
    /// Returns the identifiers for relying parties of this sector; `None`: those that are not pairwise.
    fn encode(&self, sector: Option<&Sector>, user: UserId, sid: Sid) -> SubjectIds;

    /// Returns the account and the login of identifiers for this sector. Identifiers of another sector give some that do not exist.
    fn decode(&self, sector: Option<&Sector>, ids: SubjectIds) -> (UserId, Sid);
}

/// The sector of relying parties that have the same pairwise identifiers: the host of their redirect URIs, or the private-use scheme of these
/// (OpenID Connect Core 1.0 §8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sector(String);

/// The text is not a sector, or redirect URIs belong to none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "redirect_uris: pairwise subjects need redirect URIs of one host, which is not a loopback host"
)]
pub struct NoSector;

impl Sector {
    /// The sector of a relying party with these redirect URIs.
    ///
    /// # Errors
    /// They have several hosts, or the host is a loopback host, which programs of many sectors share.
    pub fn of(uris: &[RedirectUri]) -> Result<Self, NoSector> {
        let mut sectors = uris.iter().map(|uri| of_uri(uri.as_str()));
        let first = sectors.next().flatten().ok_or(NoSector)?;
        let is_only = sectors.all(|other| other.as_ref() == Some(&first));
        is_only.then_some(Self(first)).ok_or(NoSector)
    }

    /// Returns the host or scheme.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn of_uri(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok()?;
    match url.host() {
        _ if !matches!(url.scheme(), "http" | "https") => Some(url.scheme().to_owned()),
        Some(Host::Domain("localhost")) | None => None,
        Some(Host::Ipv4(address)) if address.is_loopback() => None,
        Some(Host::Ipv6(address)) if address.is_loopback() => None,
        Some(host) => Some(host.to_string()),
    }
}

impl FromStr for Sector {
    type Err = NoSector;

    fn from_str(text: &str) -> Result<Self, NoSector> {
        let is_host = |letter: u8| letter.is_ascii_graphic();
        if text.is_empty() || !text.bytes().all(is_host) {
            return Err(NoSector);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Sector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sector(uris: &[&str]) -> Result<String, NoSector> {
        let uris: Vec<RedirectUri> = uris.iter().map(|uri| uri.parse().unwrap()).collect();
        Sector::of(&uris).map(|sector| sector.to_string())
    }

    #[test]
    fn sector_is_the_only_host_of_redirect_uris() {
        let host = Ok("app.example".to_owned());
        assert_eq!(sector(&["https://app.example/callback"]), host);
        assert_eq!(
            sector(&["https://app.example/a", "https://app.example:8443/b"]),
            host
        );
        assert_eq!(
            sector(&["com.example.app:/callback"]),
            Ok("com.example.app".to_owned())
        );
        for none in [
            &[][..],
            &["https://app.example/", "https://shop.example/"],
            &["https://app.example/", "com.example.app:/callback"],
            &["http://localhost:3000/callback"],
            &["http://127.0.0.1/callback"],
            &["https://127.0.0.1/callback"],
            &["http://[::1]/callback"],
        ] {
            assert_eq!(sector(none), Err(NoSector), "{none:?}");
        }
    }
}
