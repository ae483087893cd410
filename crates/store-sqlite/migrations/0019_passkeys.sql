-- What verifies passkeys (WebAuthn), beside their rows in `credentials`, whose data is the public key (`COSE_Key`). Kept so that another
-- implementation can read it.
CREATE TABLE passkeys (
    id                 TEXT    PRIMARY KEY NOT NULL REFERENCES credentials (id) ON DELETE CASCADE,
    -- The credential ID that the authenticator chose.
    credential_id      BLOB    NOT NULL UNIQUE,
    sign_count         INTEGER NOT NULL,
    user_verified      INTEGER NOT NULL,
    backup_eligible    INTEGER NOT NULL,
    backed_up          INTEGER NOT NULL,
    -- Separated by spaces.
    transports         TEXT    NOT NULL,
    aaguid             BLOB    NOT NULL,
    attestation_object BLOB    NOT NULL
) STRICT;
