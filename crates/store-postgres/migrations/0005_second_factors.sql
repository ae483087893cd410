-- Credentials of further kinds. `totp`: an account has at most one; its data is the secret, sealed with the key-encryption key.
-- `recovery_code`: its data is a keyed hash, and it was used if it has a time of use.
-- Earlier programs work with this schema until the first account has a second factor, of which they know nothing: that change sets
-- `schema_compatibility`.

-- The latest time step whose code was accepted (RFC 6238), so that a code is accepted once.
ALTER TABLE credentials ADD COLUMN used_step BIGINT;

CREATE UNIQUE INDEX one_totp ON credentials (user_id) WHERE kind = 'totp';
CREATE UNIQUE INDEX one_recovery_code ON credentials (user_id, data) WHERE kind = 'recovery_code';

-- Whether an administrator requires a second factor of the account.
ALTER TABLE users ADD COLUMN second_factor_required BOOLEAN NOT NULL DEFAULT FALSE;
