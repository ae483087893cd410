-- What people sign in to an OAuth client with. NULL where nobody does.
ALTER TABLE clients ADD COLUMN name TEXT;
-- URIs, separated by spaces.
ALTER TABLE clients ADD COLUMN redirect_uris TEXT;
ALTER TABLE clients ADD COLUMN post_logout_redirect_uris TEXT;
ALTER TABLE clients ADD COLUMN id_token_algorithm TEXT;
ALTER TABLE clients ADD COLUMN first_party BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE clients ADD COLUMN must_push BOOLEAN NOT NULL DEFAULT FALSE;

-- Every authorization code begins a grant of its own.
DROP INDEX one_grant_of_client;

-- What the owner of an account allows a relying party, in every login. Its rows are locked after those of grants.
CREATE TABLE consents (
    user_id      TEXT   COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id    TEXT   COLLATE "C" NOT NULL REFERENCES clients (id),
    scope        TEXT   NOT NULL,
    granted_at   BIGINT NOT NULL,
    -- Time of the latest grant.
    last_used_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id)
);

CREATE INDEX consents_by_client ON consents (client_id);
