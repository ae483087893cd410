-- Credentials of further kinds. `totp`: an account has at most one; its data is the secret, sealed with the key-encryption key.
-- `recovery_code`: its data is a keyed hash, and it was used if it has a time of use.

-- The latest time step whose code was accepted (RFC 6238), so that a code is accepted once.
ALTER TABLE credentials ADD COLUMN used_step INTEGER;

CREATE UNIQUE INDEX one_totp ON credentials (user_id) WHERE kind = 'totp';
CREATE UNIQUE INDEX one_recovery_code ON credentials (user_id, data) WHERE kind = 'recovery_code';

-- Whether an administrator requires a second factor of the account.
ALTER TABLE users ADD COLUMN second_factor_required INTEGER NOT NULL DEFAULT 0;
