-- Streams of security events; an OAuth client has at most one.
CREATE TABLE event_streams (
    client_id   TEXT    NOT NULL PRIMARY KEY REFERENCES clients (id),
    stream_id   TEXT    NOT NULL UNIQUE,
    -- enabled, paused or disabled.
    status      TEXT    NOT NULL,
    reason      TEXT,
    -- Event type URIs, separated by spaces. NULL for all that there are.
    requested   TEXT,
    description TEXT,
    created_at  INTEGER NOT NULL
) STRICT;

-- Events that receivers have not acknowledged. They outlive logins and accounts, and have no references to them.
CREATE TABLE stream_events (
    id        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    stream_id TEXT    NOT NULL,
    -- session-revoked, credential-change or verification.
    kind      TEXT    NOT NULL,
    sid       TEXT,
    user_id   TEXT,
    initiator TEXT,
    -- The type of a credential and its change, or the state of a verification.
    detail    TEXT,
    at        INTEGER NOT NULL
) STRICT;

CREATE INDEX stream_events_by_stream ON stream_events (stream_id, id);
CREATE INDEX stream_events_by_time ON stream_events (at);
