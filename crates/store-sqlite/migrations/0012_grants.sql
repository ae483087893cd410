-- What a login allowed one OAuth client, with the state of its refresh tokens. The grant that a login began with has the identifier of
-- the login, so that refresh tokens from before this migration name it. A login without a grant has a login ticket that was not exchanged.
CREATE TABLE grants (
    id                 TEXT    PRIMARY KEY NOT NULL,
    sid                TEXT    NOT NULL REFERENCES logins (sid) ON DELETE CASCADE,
    client_id          TEXT    NOT NULL REFERENCES clients (id),
    scope              TEXT    NOT NULL,
    -- The only audience of its tokens. NULL: every audience that is served.
    audience           TEXT,
    -- The thumbprint of the key that its tokens are bound to. NULL: bearer tokens.
    jkt                TEXT,
    generation         INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    refreshed_at       INTEGER NOT NULL,
    -- Where the current refresh token was issued to. NULL where that is not known.
    refresh_ip_address TEXT,
    refresh_user_agent TEXT,
    -- When every access token of the grant has expired. NULL where that is not known, or where a browser's session lives without this row.
    tokens_until       INTEGER,
    ended_at           INTEGER,
    end_reason         TEXT
) STRICT;

CREATE INDEX grants_by_login ON grants (sid);
CREATE INDEX grants_by_client ON grants (client_id);

INSERT INTO grants (id, sid, client_id, scope, jkt, generation, created_at, refreshed_at, refresh_ip_address, refresh_user_agent, tokens_until)
SELECT sid, sid, 'first-party', scope, jkt, generation, created_at, refreshed_at, refresh_ip_address, refresh_user_agent, tokens_until
FROM logins WHERE generation > 0;

ALTER TABLE logins DROP COLUMN scope;
ALTER TABLE logins DROP COLUMN jkt;
ALTER TABLE logins DROP COLUMN generation;
ALTER TABLE logins DROP COLUMN refreshed_at;
ALTER TABLE logins DROP COLUMN refresh_ip_address;
ALTER TABLE logins DROP COLUMN refresh_user_agent;
ALTER TABLE logins DROP COLUMN tokens_until;

-- Sign-in depends on these OAuth clients: they cannot be disabled.
ALTER TABLE clients ADD COLUMN protected INTEGER NOT NULL DEFAULT 0;
UPDATE clients SET protected = 1 WHERE id = 'first-party';
