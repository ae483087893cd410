-- Streams of security events; an OAuth client has at most one.
CREATE TABLE event_streams (
    client_id   TEXT   COLLATE "C" NOT NULL PRIMARY KEY REFERENCES clients (id),
    stream_id   TEXT   COLLATE "C" NOT NULL UNIQUE,
    -- enabled, paused or disabled.
    status      TEXT   NOT NULL,
    reason      TEXT,
    -- Event type URIs, separated by spaces. NULL for all that there are.
    requested   TEXT,
    description TEXT,
    created_at  BIGINT NOT NULL
);

-- Events that receivers have not acknowledged. They outlive logins and accounts, and have no references to them, nor to
-- streams: the deletion of a stream must not fail the end of a login. Rows are inserted after those of logins were locked, and before the counter
-- of revocations is.
CREATE TABLE stream_events (
    id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream_id TEXT   COLLATE "C" NOT NULL,
    -- session-revoked, credential-change or verification.
    kind      TEXT   NOT NULL,
    sid       TEXT   COLLATE "C",
    user_id   TEXT   COLLATE "C",
    initiator TEXT,
    -- The type of a credential and its change, or the state of a verification.
    detail    TEXT,
    at        BIGINT NOT NULL
);

CREATE INDEX stream_events_by_stream ON stream_events (stream_id, id);
CREATE INDEX stream_events_by_time ON stream_events (at);
