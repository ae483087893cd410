-- Times are milliseconds since 1970 in UTC; identifiers are UUIDs in canonical text.

CREATE TABLE users (
    id                  TEXT    PRIMARY KEY NOT NULL,
    username            TEXT    NOT NULL UNIQUE,
    admin               INTEGER NOT NULL,
    disabled_at         INTEGER,
    password_hash       TEXT    NOT NULL,
    password_version    INTEGER NOT NULL,
    password_changed_at INTEGER NOT NULL,
    created_at          INTEGER NOT NULL
) STRICT;

-- One row for each sign-in on any channel. Its refresh tokens are a counter, not a secret.
CREATE TABLE logins (
    sid           TEXT    PRIMARY KEY NOT NULL,
    user_id       TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_kind   TEXT    NOT NULL,
    ip_address    TEXT,
    user_agent    TEXT,
    scope         TEXT    NOT NULL,
    generation    INTEGER NOT NULL,
    refreshed_at  INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    ended_at      INTEGER,
    end_reason    TEXT
) STRICT;

CREATE INDEX logins_by_user ON logins (user_id);
CREATE INDEX logins_by_expiry ON logins (expires_at);

-- Access tokens that were revoked by themselves, until they would have expired.
CREATE TABLE revoked_tokens (
    jti        TEXT    PRIMARY KEY NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at);

-- Private keys are sealed with the key-encryption key, which is never stored here.
CREATE TABLE signing_keys (
    kid                TEXT    PRIMARY KEY NOT NULL,
    algorithm          TEXT    NOT NULL,
    public_key         BLOB    NOT NULL,
    sealed_private_key BLOB    NOT NULL,
    created_at         INTEGER NOT NULL
) STRICT;

-- Other secrets of this issuer, sealed likewise.
CREATE TABLE secret_keys (
    name       TEXT    PRIMARY KEY NOT NULL,
    sealed     BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
