-- One row: which history this is. A copy that was restored gets another, and so does whoever follows it.
CREATE TABLE epoch (
    id       TEXT    NOT NULL,
    begun_at INTEGER NOT NULL
) STRICT;

-- What ended before its time, in the order in which it ended: one writer, so numbers follow commits. An entry goes when
-- nothing that it could hit is alive any more.
CREATE TABLE revocations (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX revocations_by_subject ON revocations (subject);
CREATE INDEX revocations_by_expiry ON revocations (expires_at);

INSERT INTO revocations (kind, subject, expires_at) SELECT 'jti', jti, expires_at FROM revoked_tokens;
INSERT INTO revocations (kind, subject, expires_at)
SELECT 'sid', sid, expires_at + 60000 FROM logins WHERE ended_at IS NOT NULL;
DROP TABLE revoked_tokens;

ALTER TABLE logins ADD COLUMN authenticated_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE logins ADD COLUMN amr TEXT NOT NULL DEFAULT 'pwd';
ALTER TABLE logins ADD COLUMN last_seen_at INTEGER NOT NULL DEFAULT 0;
UPDATE logins SET authenticated_at = created_at, last_seen_at = refreshed_at;
