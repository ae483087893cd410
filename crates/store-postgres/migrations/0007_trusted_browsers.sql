-- Browsers where the owner of an account is not asked for the second factor, while the account has this authentication version. Of the token a
-- keyed hash is kept.
CREATE TABLE trusted_browsers (
    id                     TEXT   COLLATE "C" PRIMARY KEY,
    user_id                TEXT   COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash             BYTEA  NOT NULL UNIQUE,
    authentication_version BIGINT NOT NULL,
    user_agent             TEXT,
    created_at             BIGINT NOT NULL,
    last_used_at           BIGINT,
    expires_at             BIGINT NOT NULL
);

CREATE INDEX trusted_browsers_by_user ON trusted_browsers (user_id, created_at);
CREATE INDEX trusted_browsers_by_expiry ON trusted_browsers (expires_at);
