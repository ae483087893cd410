-- Browsers where the owner of an account is not asked for the second factor, while the account has this authentication version. Of the token a
-- keyed hash is kept.
CREATE TABLE trusted_browsers (
    id                     TEXT    PRIMARY KEY NOT NULL,
    user_id                TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash             BLOB    NOT NULL UNIQUE,
    authentication_version INTEGER NOT NULL,
    user_agent             TEXT,
    created_at             INTEGER NOT NULL,
    last_used_at           INTEGER,
    expires_at             INTEGER NOT NULL
) STRICT;

CREATE INDEX trusted_browsers_by_user ON trusted_browsers (user_id, created_at);
CREATE INDEX trusted_browsers_by_expiry ON trusted_browsers (expires_at);
