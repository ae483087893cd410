//! The names of the cookies of this installation.

/// Length limit of a prefix, in characters.
const MAX_PREFIX: usize = 32;

/// The cookie names of an installation, which all begin with `__Host-` (RFC 6265bis §4.1.3.2).
///
/// Browsers send cookies to all ports of a host (RFC 6265bis §8.5), so that two installations on one host need different names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieNames {
    /// The session cookie.
    pub session: String,
    /// The proof cookie of a bound session.
    pub proof: String,
    /// The signed cookie that ties the sign-in form to the browser.
    pub login: String,
    /// The signed cookie of a browser in which an account signed in before. It gives no access.
    pub known: String,
    /// The encrypted cookie of an authentication that is in progress.
    pub attempt: String,
    /// The cookie of a trusted browser, which stands in for the second factor.
    pub trusted: String,
    /// The cookie that shows the device key of a trusted browser that is bound to it.
    pub trusted_proof: String,
    /// The signed cookie of the security events that were acknowledged in this browser. It gives no access.
    pub notices: String,
}

/// A prefix that is empty, too long, or has a character other than letters, digits, `-` and `_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to {MAX_PREFIX} letters, digits, `-` or `_`, such as staging; `__Host-` is put before it"
)]
pub struct InvalidCookiePrefix;

impl CookieNames {
    /// Names with a prefix: `staging` gives `__Host-staging-session`.
    ///
    /// # Errors
    /// When the prefix cannot be a part of a cookie name.
    pub fn with_prefix(prefix: &str) -> Result<Self, InvalidCookiePrefix> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if prefix.is_empty() || prefix.len() > MAX_PREFIX || !prefix.bytes().all(is_allowed) {
            return Err(InvalidCookiePrefix);
        }
        Ok(Self::with_start(&format!("__Host-{prefix}-")))
    }

    fn with_start(start: &str) -> Self {
        let name = |end: &str| format!("{start}{end}");
        Self {
            session: name("session"),
            proof: name("session-proof"),
            login: name("login"),
            known: name("known"),
            attempt: name("attempt"),
            trusted: name("trusted"),
            trusted_proof: name("trusted-proof"),
            notices: name("notices"),
        }
    }

    /// All names.
    #[must_use]
    pub fn all(&self) -> [&str; 8] {
        let Self {
            session,
            proof,
            login,
            known,
            attempt,
            trusted,
            trusted_proof,
            notices,
        } = self;
        [
            session,
            proof,
            login,
            known,
            attempt,
            trusted,
            trusted_proof,
            notices,
        ]
    }
}

/// The names without a prefix, such as `__Host-session`.
impl Default for CookieNames {
    fn default() -> Self {
        Self::with_start("__Host-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_applies_to_every_name() {
        let names = CookieNames::with_prefix("staging").unwrap();
        assert_eq!(
            names.all(),
            [
                "__Host-staging-session",
                "__Host-staging-session-proof",
                "__Host-staging-login",
                "__Host-staging-known",
                "__Host-staging-attempt",
                "__Host-staging-trusted",
                "__Host-staging-trusted-proof",
                "__Host-staging-notices"
            ]
        );
    }

    #[test]
    fn different_prefixes_share_no_name() {
        let chosen = ["a", "b", "session", "a-session", "known", "session-proof"];
        let prefixed = chosen.map(|prefix| CookieNames::with_prefix(prefix).unwrap());
        let installations = [&[CookieNames::default()][..], &prefixed].concat();
        let mut names: Vec<_> = installations.iter().flat_map(CookieNames::all).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    /// The alternatives between `__Host-(` and `)` in the expressions of a proxy configuration, sorted.
    fn alternatives(file: &str) -> Vec<Vec<&str>> {
        let groups = file.split("__Host-(").skip(1);
        let mut found: Vec<Vec<_>> = groups
            .map(|group| group.trim_start_matches("?:").split_once(')').unwrap().0)
            .map(|group| group.split('|').collect())
            .collect();
        for group in &mut found {
            group.sort_unstable();
        }
        found
    }

    #[test]
    fn proxy_configurations_remove_every_cookie() {
        let names = CookieNames::default();
        let mut ends = names.all().map(|name| name.trim_start_matches("__Host-"));
        ends.sort_unstable();
        for file in [
            include_str!("../../../deploy/nginx/nginx.conf"),
            include_str!("../../../deploy/caddy/Caddyfile"),
        ] {
            let groups = alternatives(file);
            assert!(!groups.is_empty());
            for group in groups {
                assert_eq!(group, ends);
            }
        }
        let script = include_str!("../../../deploy/haproxy/holdfast.lua");
        for name in names.all() {
            assert!(script.contains(&format!("\"{name}\"")), "{name}");
        }
    }

    #[test]
    fn invalid_prefix_is_refused() {
        let long = "a".repeat(MAX_PREFIX + 1);
        for prefix in ["", " ", "a b", "a;b", "a=b", "ä", "a.b", "a\n", &long] {
            let refused = CookieNames::with_prefix(prefix);
            assert_eq!(refused, Err(InvalidCookiePrefix), "{prefix:?}");
        }
        assert!(CookieNames::with_prefix(&long[1..]).is_ok());
    }
}
