//! The port through which an application measures what is no audit event.

use crate::authentication::Factor;

/// Declares an enum, the list of its variants and their names from one list of `Variant = "name"`.
macro_rules! names {
    ($(#[$doc:meta])* $enum:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $enum {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $enum {
            /// All of them, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

names! {
    /// What became of a refresh token that was presented.
    RefreshOutcome {
        /// It was exchanged for its successor.
        Rotated = "rotated",
        /// It is that of a browser's login, which does not rotate.
        Kept = "kept",
        /// It was the previous one, and was answered with the current one again.
        Repeated = "repeated",
        /// It was used up: its login was ended.
        Reused = "reused",
        /// A concurrent request was faster; it is tried again.
        LostRace = "lost_race",
        /// It was refused for another reason: the login has ended, it has expired, the OAuth client or the proof was wrong.
        Refused = "refused",
        /// The service failed.
        Failed = "failed",
    }
}

names! {
    /// What became of a factor that was presented, at a sign-in, a reauthentication or a change of the password.
    FactorOutcome {
        /// It is that of an enabled account.
        Verified = "verified",
        /// It is wrong, or there is no such account, or it is disabled.
        Refused = "refused",
        /// A rate limit refused it before it was verified.
        Throttled = "throttled",
        /// The queue of password hashes was full.
        Overloaded = "overloaded",
        /// The service failed.
        Failed = "failed",
    }
}

names! {
    /// The operation that a rate limit is about.
    RateLimited {
        /// The verification of a password.
        Password = "password",
        /// The verification of a one-time code or recovery code.
        Code = "code",
        /// The exchange of an authorization code.
        CodeExchange = "code_exchange",
        /// The rotation of a refresh token.
        Refresh = "refresh",
        /// A repeated use of the previous refresh token.
        RefreshRepeat = "refresh_repeat",
        /// The revocation of a single access token.
        TokenRevocation = "token_revocation",
        /// The introspection of an access token.
        Introspection = "introspection",
        /// The storage of an OAuth client that nobody registered.
        NewClient = "new_client",
    }
}

names! {
    /// What a token is requested with.
    TokenGrant {
        /// A login ticket, after a sign-in.
        LoginTicket = "login_ticket",
        /// An authorization code.
        AuthorizationCode = "authorization_code",
        /// A refresh token.
        RefreshToken = "refresh_token",
        /// The credentials of an OAuth client, for itself.
        ClientCredentials = "client_credentials",
    }
}

names! {
    /// What became of a request for tokens.
    TokenOutcome {
        /// Tokens were issued.
        Issued = "issued",
        /// The request was refused.
        Refused = "refused",
        /// A rate limit refused it.
        Throttled = "throttled",
        /// The service failed.
        Failed = "failed",
    }
}

names! {
    /// Where the verdict on an access token came from.
    VerdictSource {
        /// The token itself, its proof, and the revocations in memory.
        Memory = "memory",
        /// The store.
        Store = "store",
    }
}

names! {
    /// The verdict on an access token that was validated or introspected.
    Verdict {
        /// It is valid.
        Valid = "valid",
        /// It is not valid, or not for this caller.
        Refused = "refused",
        /// The service failed.
        Failed = "failed",
    }
}

/// Measures operations.
pub trait Observer: Send + Sync {
    /// A refresh token was presented.
    fn refreshed(&self, outcome: RefreshOutcome);

    /// A factor was presented.
    fn authenticated(&self, factor: Factor, outcome: FactorOutcome);

    /// An operation was counted by its rate limit, or refused by it.
    fn rate_limited(&self, operation: RateLimited, is_refused: bool);

    /// Tokens were requested.
    fn requested(&self, grant: TokenGrant, outcome: TokenOutcome);

    /// An access token was validated or introspected.
    fn validated(&self, source: VerdictSource, verdict: Verdict);
}
