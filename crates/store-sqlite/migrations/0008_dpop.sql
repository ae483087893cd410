-- The thumbprint of the key that a login's tokens are bound to, where they are (RFC 9449).
ALTER TABLE logins ADD COLUMN jkt TEXT;

-- What a client may exchange for tokens, and whether its tokens have to be bound.
ALTER TABLE clients ADD COLUMN grant_types TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN dpop_required INTEGER NOT NULL DEFAULT 0;
UPDATE clients SET grant_types = 'client_credentials' WHERE secret_hash IS NOT NULL OR jwk IS NOT NULL;
UPDATE clients SET grant_types = 'refresh_token' WHERE id = 'first-party';
