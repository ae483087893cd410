//! The names of this service's cookies.

/// The longest prefix, in characters.
const MAX_PREFIX: usize = 32;

/// The cookie names of one installation.
///
/// Browsers do not keep cookies of different ports apart (RFC 6265bis §8.5), so two installations on one host need names of their
/// own. All begin with `__Host-` (RFC 6265bis §4.1.3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieNames {
    /// The session of a signed-in browser.
    pub session: String,
    /// Shows that the device of a bound session proved its key lately.
    pub proof: String,
    /// Ties the sign-in form to the browser that it was shown to.
    pub login: String,
    /// Marks a browser in which a person signed in before. It opens nothing.
    pub known: String,
}

/// A prefix that cannot be part of a cookie's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to {MAX_PREFIX} letters, digits, `-` or `_`, such as staging; `__Host-` is put before it"
)]
pub struct InvalidCookiePrefix;

impl CookieNames {
    /// Names such as `__Host-staging-session`, for the prefix `staging`.
    ///
    /// # Errors
    /// When the prefix is empty, too long, or has a character that names here do not have.
    pub fn with_prefix(prefix: &str) -> Result<Self, InvalidCookiePrefix> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if prefix.is_empty() || prefix.len() > MAX_PREFIX || !prefix.bytes().all(is_allowed) {
            return Err(InvalidCookiePrefix);
        }
        Ok(Self::beginning_with(&format!("__Host-{prefix}-")))
    }

    fn beginning_with(start: &str) -> Self {
        let name = |end: &str| format!("{start}{end}");
        Self {
            session: name("session"),
            proof: name("session-proof"),
            login: name("login"),
            known: name("known"),
        }
    }

    /// Every name.
    #[must_use]
    pub fn all(&self) -> [&str; 4] {
        let Self {
            session,
            proof,
            login,
            known,
        } = self;
        [session, proof, login, known]
    }
}

/// `__Host-session` and its siblings.
impl Default for CookieNames {
    fn default() -> Self {
        Self::beginning_with("__Host-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_follows_the_prefix() {
        let names = CookieNames::with_prefix("staging").unwrap();
        assert_eq!(
            names.all(),
            [
                "__Host-staging-session",
                "__Host-staging-session-proof",
                "__Host-staging-login",
                "__Host-staging-known"
            ]
        );
    }

    #[test]
    fn two_installations_share_no_name() {
        let chosen = ["a", "b", "session", "a-session", "known", "session-proof"];
        let prefixed = chosen.map(|prefix| CookieNames::with_prefix(prefix).unwrap());
        let installations = [&[CookieNames::default()][..], &prefixed].concat();
        let mut names: Vec<_> = installations.iter().flat_map(CookieNames::all).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    /// What stands between `__Host-(` and `)` in the expressions of a proxy's file, sorted.
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
    fn the_files_for_proxies_take_every_one_out() {
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
    fn what_cannot_be_part_of_a_name_is_refused() {
        let long = "a".repeat(MAX_PREFIX + 1);
        for prefix in ["", " ", "a b", "a;b", "a=b", "ä", "a.b", "a\n", &long] {
            let refused = CookieNames::with_prefix(prefix);
            assert_eq!(refused, Err(InvalidCookiePrefix), "{prefix:?}");
        }
        assert!(CookieNames::with_prefix(&long[1..]).is_ok());
    }
}
