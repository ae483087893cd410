-- Where a relying party receives the ends of its sessions. NULL where it does not.
ALTER TABLE clients ADD COLUMN backchannel_logout_uri TEXT;

-- Ends of sessions that relying parties have not received yet. They outlive logins, grants and accounts, and have no references to them. Rows
-- are inserted after those of grants were locked, and before the counter of revocations is.
CREATE TABLE logout_deliveries (
    client_id TEXT   COLLATE "C" NOT NULL REFERENCES clients (id),
    sid       TEXT   COLLATE "C" NOT NULL,
    user_id   TEXT   COLLATE "C" NOT NULL,
    ended_at  BIGINT NOT NULL,
    -- Number of attempts that failed.
    attempts  BIGINT NOT NULL DEFAULT 0,
    -- Time of the next attempt; that of the end before the first one.
    due_at    BIGINT NOT NULL,
    PRIMARY KEY (client_id, sid, ended_at)
);

CREATE INDEX logout_deliveries_by_due ON logout_deliveries (client_id, due_at);
CREATE INDEX logout_deliveries_by_end ON logout_deliveries (ended_at);
