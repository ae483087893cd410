-- Programs that ask for tokens in their own name, and the one that sign-ins with a password act as. Of a secret its SHA-256 is
-- kept: it has 256 random bits.
CREATE TABLE clients (
    id          TEXT    PRIMARY KEY NOT NULL,
    secret_hash BLOB,
    jwk         TEXT,
    scope       TEXT    NOT NULL,
    audiences   TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    disabled_at INTEGER
) STRICT;

INSERT INTO clients (id, scope, audiences, created_at) VALUES ('first-party', '', '', 0);

ALTER TABLE audit_events ADD COLUMN client_id TEXT;
