-- What happened to accounts and logins, for good until its retention is over. Nothing in it is a secret.
CREATE TABLE audit_events (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    user_id    TEXT,
    sid        TEXT,
    actor_id   TEXT,
    ip_address TEXT,
    user_agent TEXT,
    request_id TEXT
) STRICT;

CREATE INDEX audit_events_by_user ON audit_events (user_id, id);
CREATE INDEX audit_events_by_time ON audit_events (at);
