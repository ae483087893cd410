-- A key is published before it signs, so that nobody meets a signature whose key they cannot know.
ALTER TABLE signing_keys ADD COLUMN signs_from INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signing_keys ADD COLUMN revoked_at INTEGER;
UPDATE signing_keys SET signs_from = created_at;
