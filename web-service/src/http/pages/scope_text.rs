//! Scopes as people read them.

/// What a scope allows an application.
pub(super) struct ScopeText {
    /// In words; `None` for a scope that an application defines.
    pub(super) words: Option<&'static str>,
    /// Its name.
    pub(super) name: String,
}

impl ScopeText {
    /// The scopes of a list that is separated by blanks.
    pub(super) fn of_list(scope: &str) -> Vec<Self> {
        scope.split_ascii_whitespace().map(Self::of).collect()
    }

    fn of(name: &str) -> Self {
        let words = match name {
            "openid" => Some("recognise your account when you come back"),
            "profile" => Some("see your username"),
            "offline_access" => {
                Some("stay signed in while this sign-in lasts, also when you do not use it")
            }
            _ => None,
        };
        Self {
            words,
            name: name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_of_an_application_has_its_name_only() {
        let scopes = ScopeText::of_list("openid  orders:read");
        let words: Vec<_> = scopes.iter().map(|one| one.words.is_some()).collect();
        assert_eq!(words, [true, false]);
        assert_eq!(scopes[1].name, "orders:read");
    }
}
