-- Tables, texts and numbers are those of the SQLite store: times are milliseconds since 1970 in UTC, identifiers are UUIDs in canonical text.
-- Rows of several tables are locked in one order: users, logins, credentials, known_places, clients, grants, revocation_counter.

CREATE TABLE users (
    id                     TEXT    COLLATE "C" PRIMARY KEY,
    username               TEXT    COLLATE "C" NOT NULL UNIQUE,
    admin                  BOOLEAN NOT NULL,
    disabled_at            BIGINT,
    -- It grows with every change of a credential: a login starts only with the version that was authenticated.
    authentication_version BIGINT  NOT NULL,
    created_at             BIGINT  NOT NULL
);

-- What the owner of an account proves to authenticate. A password is one kind, of which an account has at most one: it has the identifier of
-- its account, and its data is the Argon2id hash in PHC form.
CREATE TABLE credentials (
    id           TEXT   COLLATE "C" PRIMARY KEY,
    user_id      TEXT   COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind         TEXT   COLLATE "C" NOT NULL,
    -- The name that the owner gave it.
    label        TEXT   NOT NULL,
    data         BYTEA  NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT
);

CREATE INDEX credentials_by_user ON credentials (user_id, kind);
CREATE UNIQUE INDEX one_password ON credentials (user_id) WHERE kind = 'password';

-- OAuth clients. Of a secret its SHA-256 is kept: it has 256 random bits.
CREATE TABLE clients (
    id            TEXT    COLLATE "C" PRIMARY KEY,
    secret_hash   BYTEA,
    jwk           TEXT,
    scope         TEXT    NOT NULL,
    audiences     TEXT    NOT NULL,
    grant_types   TEXT    NOT NULL,
    dpop_required BOOLEAN NOT NULL,
    -- Sign-in depends on it: it cannot be disabled.
    protected     BOOLEAN NOT NULL DEFAULT FALSE,
    created_at    BIGINT  NOT NULL,
    disabled_at   BIGINT
);

INSERT INTO clients (id, scope, audiences, grant_types, dpop_required, protected, created_at)
VALUES ('first-party', '', '', 'refresh_token', FALSE, TRUE, 0);

-- One row for each sign-in on any channel.
CREATE TABLE logins (
    sid              TEXT   COLLATE "C" PRIMARY KEY,
    user_id          TEXT   COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_kind      TEXT   NOT NULL,
    ip_address       TEXT,
    user_agent       TEXT,
    amr              TEXT   NOT NULL,
    created_at       BIGINT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    last_seen_at     BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    bound_at         BIGINT,
    ended_at         BIGINT,
    end_reason       TEXT
);

CREATE INDEX logins_by_user ON logins (user_id);
CREATE INDEX live_logins_by_user ON logins (user_id) WHERE ended_at IS NULL;
CREATE INDEX logins_by_expiry ON logins (expires_at);

-- What a login allowed one OAuth client, with the state of its refresh tokens. The grant that a login began with has the identifier of the
-- login. A login without a grant has a login ticket that was not exchanged.
CREATE TABLE grants (
    id                 TEXT   COLLATE "C" PRIMARY KEY,
    sid                TEXT   COLLATE "C" NOT NULL REFERENCES logins (sid) ON DELETE CASCADE,
    client_id          TEXT   COLLATE "C" NOT NULL REFERENCES clients (id),
    scope              TEXT   NOT NULL,
    -- The only audience of its tokens. NULL: every audience that is served.
    audience           TEXT,
    -- The thumbprint of the key that its tokens are bound to. NULL: bearer tokens.
    jkt                TEXT,
    generation         BIGINT NOT NULL,
    created_at         BIGINT NOT NULL,
    refreshed_at       BIGINT NOT NULL,
    -- Where the current refresh token was issued to. NULL where that is not known.
    refresh_ip_address TEXT,
    refresh_user_agent TEXT,
    -- When every access token of the grant has expired. NULL where that is not known, or where a browser's session lives without this row.
    tokens_until       BIGINT,
    ended_at           BIGINT,
    end_reason         TEXT
);

CREATE INDEX grants_by_login ON grants (sid);
CREATE INDEX grants_by_client ON grants (client_id);
-- An OAuth client has one grant of a login at a time.
CREATE UNIQUE INDEX one_grant_of_client ON grants (sid, client_id) WHERE ended_at IS NULL;

-- One row: the number of the newest revocation. A transaction that appends to the log locks it until its commit, so that numbers follow the
-- order of commits; a sequence would hand them out before.
CREATE TABLE revocation_counter (
    only_row BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    newest   BIGINT  NOT NULL,
    -- The timeline of the server that handed it out.
    timeline BIGINT  NOT NULL
);

INSERT INTO revocation_counter (newest, timeline) VALUES (0, 0);

-- Takes that many numbers of the revocation log, and returns the last one. A server that was promoted may not have the last numbers of the
-- one before, which readers have seen: each timeline begins far above them.
CREATE FUNCTION take_revocation_numbers(taken BIGINT) RETURNS BIGINT LANGUAGE sql VOLATILE AS $$
    UPDATE revocation_counter
    SET newest = CASE WHEN timeline IN (0, present.id) THEN newest ELSE newest + (1::BIGINT << 32) END + taken,
        timeline = present.id
    FROM (SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::BIT(32)::BIGINT AS id) AS present
    RETURNING newest
$$;

-- The revocation log. An entry is deleted when nothing that it could match is accepted any more.
CREATE TABLE revocations (
    sequence   BIGINT PRIMARY KEY,
    kind       TEXT   NOT NULL,
    subject    TEXT   COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE UNIQUE INDEX one_revocation_of_token ON revocations (subject) WHERE kind = 'jti';
CREATE INDEX revocations_by_expiry ON revocations (expires_at);

-- One row: the identifier of this history of the store.
CREATE TABLE epoch (
    only_row BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    id       TEXT    NOT NULL,
    begun_at BIGINT  NOT NULL
);

-- What happened to accounts and logins, until its retention is over. Nothing in it is a secret.
CREATE TABLE audit_events (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    user_id    TEXT   COLLATE "C",
    sid        TEXT,
    actor_id   TEXT,
    ip_address TEXT,
    user_agent TEXT,
    request_id TEXT,
    client_id  TEXT
);

CREATE INDEX audit_events_by_user ON audit_events (user_id, id);
CREATE INDEX audit_events_by_time ON audit_events (at);

-- Where people signed in from before, as keyed hashes of addresses and browsers: there, nobody else can lock them out.
CREATE TABLE known_places (
    user_id      TEXT   COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    place        BYTEA  NOT NULL,
    last_seen_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, place)
);

CREATE INDEX known_places_by_time ON known_places (last_seen_at);

-- Private keys are sealed with the key-encryption key, which is never stored here.
CREATE TABLE signing_keys (
    kid                TEXT   COLLATE "C" PRIMARY KEY,
    algorithm          TEXT   NOT NULL,
    public_key         BYTEA  NOT NULL,
    sealed_private_key BYTEA  NOT NULL,
    created_at         BIGINT NOT NULL,
    signs_from         BIGINT NOT NULL,
    revoked_at         BIGINT
);

-- Other secrets of this issuer, sealed likewise.
CREATE TABLE secret_keys (
    name       TEXT   COLLATE "C" PRIMARY KEY,
    sealed     BYTEA  NOT NULL,
    created_at BIGINT NOT NULL
);

-- One row: what time it was when a process last served this database, as far as its clock was accepted.
CREATE TABLE steady_time (
    only_row  BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    steady_at BIGINT  NOT NULL,
    -- What the system's clock showed then.
    clock_at  BIGINT  NOT NULL,
    -- Milliseconds that the system's clock had gone on since it leapt.
    apart_for BIGINT  NOT NULL
);
