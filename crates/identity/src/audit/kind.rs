//! The kinds of audit events, in one list with their names.

/// Declares the enum, the list of its variants and their names from one list of `Variant = "NAME"`.
macro_rules! audit_kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)+) => {
        /// The kind of an audit event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum AuditKind {
            $($(#[$doc])* $kind,)+
        }

        impl AuditKind {
            /// All kinds, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            /// The stable name of the kind, as it is stored, listed and logged: `SIGNED_IN`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }
        }
    };
}

audit_kinds! {
    /// A login started.
    SignedIn = "SIGNED_IN",
    /// The username, the password or, in place of it, a recovery code was wrong, or the account disabled.
    SignInRefused = "SIGN_IN_REFUSED",
    /// A sign-in was refused because the queue of password hashes was full.
    SignInOverloaded = "SIGN_IN_OVERLOADED",
    /// A refresh token was exchanged for its successor.
    Refreshed = "REFRESHED",
    /// A login ticket or refresh token that was used up was presented again; the login was ended, or the grant, if it is not the first one.
    RefreshReused = "REFRESH_REUSED",
    /// A login was ended by the account's owner.
    LoginEnded = "LOGIN_ENDED",
    /// An OAuth client exchanged an authorization code: the account's owner signed in to it.
    Granted = "GRANTED",
    /// An authorization code was presented again; the grant of its first exchange was ended.
    CodeReused = "CODE_REUSED",
    /// The account's owner ended what an OAuth client has access to, in every login.
    ConsentEnded = "CONSENT_ENDED",
    /// A grant was ended by the account's owner or its OAuth client; its login continues.
    GrantEnded = "GRANT_ENDED",
    /// One access token was revoked.
    TokenRevoked = "TOKEN_REVOKED",
    /// All logins of an account but one were ended by the account's owner.
    OtherLoginsEnded = "OTHER_LOGINS_ENDED",
    /// All logins of an account were ended by an administrator or the operator.
    AllLoginsEnded = "ALL_LOGINS_ENDED",
    /// The account's owner changed the password; all of the account's logins ended.
    PasswordChanged = "PASSWORD_CHANGED",
    /// A password change was refused because the current password was wrong.
    PasswordChangeRefused = "PASSWORD_CHANGE_REFUSED",
    /// An administrator or the operator set a password; all logins of the account ended.
    PasswordSet = "PASSWORD_SET",
    /// The account's owner set a password for an account that had none.
    PasswordAdded = "PASSWORD_ADDED",
    /// The account's owner removed the password; the account is signed in to by passkeys from then on.
    PasswordRemoved = "PASSWORD_REMOVED",
    /// A sign-in was refused by a rate limit; one event for each delay, however many attempts it refuses.
    SignInThrottled = "SIGN_IN_THROTTLED",
    /// A grant was refreshed too often, or one refresh token repeated too often.
    RefreshThrottled = "REFRESH_THROTTLED",
    /// The previous refresh token was repeated from another network or with another user agent than the refresh itself.
    RefreshRepeatedElsewhere = "REFRESH_REPEATED_ELSEWHERE",
    /// A login was ended as the oldest one because the account had too many.
    SurplusEnded = "SURPLUS_LOGIN_ENDED",
    /// A password change was refused by a rate limit.
    PasswordChangeThrottled = "PASSWORD_CHANGE_THROTTLED",
    /// The account's owner authenticated again within a login.
    Reauthenticated = "REAUTHENTICATED",
    /// The password was wrong at a reauthentication.
    ReauthenticationRefused = "REAUTHENTICATION_REFUSED",
    /// A reauthentication was refused by a rate limit.
    ReauthenticationThrottled = "REAUTHENTICATION_THROTTLED",
    /// One-time codes (TOTP) were set up for an account.
    TotpAdded = "TOTP_ADDED",
    /// One-time codes were removed from an account by its owner.
    TotpRemoved = "TOTP_REMOVED",
    /// The account's owner was shown new recovery codes, which replace those from before.
    RecoveryCodesCreated = "RECOVERY_CODES_CREATED",
    /// A recovery code was used.
    RecoveryCodeUsed = "RECOVERY_CODE_USED",
    /// A one-time code or recovery code was wrong, or was used before.
    SecondFactorRefused = "SECOND_FACTOR_REFUSED",
    /// A one-time code or recovery code was refused by a rate limit.
    SecondFactorThrottled = "SECOND_FACTOR_THROTTLED",
    /// An administrator or the operator removed all factors of an account but its password; all of its logins ended.
    FactorsReset = "FACTORS_RESET",
    /// An administrator or the operator requires a second factor of an account.
    SecondFactorRequired = "SECOND_FACTOR_REQUIRED",
    /// An administrator or the operator requires no second factor of an account any more.
    SecondFactorNotRequired = "SECOND_FACTOR_NOT_REQUIRED",
    /// A passkey was added to an account.
    PasskeyAdded = "PASSKEY_ADDED",
    /// A passkey was given another name.
    PasskeyRenamed = "PASSKEY_RENAMED",
    /// A passkey was removed from an account by its owner.
    PasskeyRemoved = "PASSKEY_REMOVED",
    /// The signature counter of a passkey went back: the authenticator may have been copied. The authentication was refused.
    PasskeyCounterWentBack = "PASSKEY_COUNTER_WENT_BACK",
    /// A passkey was backed up since its latest use, or is not any more.
    PasskeyBackupChanged = "PASSKEY_BACKUP_CHANGED",
    /// A browser is trusted from now on: the second factor is not asked for there.
    BrowserTrusted = "BROWSER_TRUSTED",
    /// The account's owner ended the trust of a browser.
    BrowserTrustEnded = "BROWSER_TRUST_ENDED",
    /// The trust of a browser was bound to a key of its device: without a proof of that key, its token is refused.
    BrowserTrustBound = "BROWSER_TRUST_BOUND",
    /// A browser session was bound to a key of its device.
    DeviceBound = "DEVICE_BOUND",
    /// An invalid device proof was presented; at most one event a minute for a session.
    DeviceProofRefused = "DEVICE_PROOF_REFUSED",
    /// A bound session's cookie came from another source without a device proof; at most one event a minute for a session.
    TheftSuspected = "THEFT_SUSPECTED",
    /// An account was created.
    UserCreated = "USER_CREATED",
    /// An account was disabled; all of its logins ended.
    UserDisabled = "USER_DISABLED",
    /// An account was enabled.
    UserEnabled = "USER_ENABLED",
    /// An account was deleted; all of its logins ended.
    UserDeleted = "USER_DELETED",
    /// An OAuth client was issued a token by the client credentials grant.
    ClientTokenIssued = "CLIENT_TOKEN_ISSUED",
    /// The authentication of an OAuth client failed; at most one event in ten seconds.
    ClientRefused = "CLIENT_REFUSED",
    /// An OAuth client exceeded the rate limit of introspection.
    IntrospectionThrottled = "INTROSPECTION_THROTTLED",
    /// An OAuth client was registered.
    ClientCreated = "CLIENT_CREATED",
    /// An OAuth client was disabled; its tokens were revoked.
    ClientDisabled = "CLIENT_DISABLED",
    /// An OAuth client was given a new secret.
    ClientSecretRotated = "CLIENT_SECRET_ROTATED",
    /// A new signing key was published.
    KeyRotated = "KEY_ROTATED",
    /// A signing key was revoked, and with it the tokens that it signed.
    KeyRevoked = "KEY_REVOKED",
}

impl AuditKind {
    /// The kinds that are shown to the account's owner: changes of what gives access to the account, and signs of a theft. The index
    /// `security_events_by_user` of the stores has the same list.
    pub const SECURITY_EVENTS: &[Self] = &[
        Self::PasswordChanged,
        Self::PasswordSet,
        Self::PasswordAdded,
        Self::PasswordRemoved,
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
        Self::TotpAdded,
        Self::TotpRemoved,
        Self::RecoveryCodesCreated,
        Self::RecoveryCodeUsed,
        Self::FactorsReset,
        Self::BrowserTrusted,
        Self::OtherLoginsEnded,
        Self::AllLoginsEnded,
        Self::RefreshReused,
        Self::PasskeyCounterWentBack,
        Self::TheftSuspected,
    ];

    /// Whether it reports that a credential may have been copied. The login that it is about did not cause it.
    #[must_use]
    pub const fn is_sign_of_theft(self) -> bool {
        matches!(
            self,
            Self::RefreshReused | Self::PasskeyCounterWentBack | Self::TheftSuspected
        )
    }

    /// Returns the kind with this name, which is compared exactly.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_found_by_its_name() {
        for kind in AuditKind::ALL {
            assert_eq!(AuditKind::from_name(kind.as_str()), Some(*kind));
        }
        assert_eq!(AuditKind::from_name("signed_in"), None);
    }
}
