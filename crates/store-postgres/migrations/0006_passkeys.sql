-- What verifies passkeys (WebAuthn), beside their rows in `credentials`, whose data is the public key (`COSE_Key`). Kept so that another
-- implementation can read it.
CREATE TABLE passkeys (
    id                 TEXT    COLLATE "C" PRIMARY KEY REFERENCES credentials (id) ON DELETE CASCADE,
    -- The credential ID that the authenticator chose.
    credential_id      BYTEA   NOT NULL UNIQUE,
    sign_count         BIGINT  NOT NULL,
    user_verified      BOOLEAN NOT NULL,
    backup_eligible    BOOLEAN NOT NULL,
    backed_up          BOOLEAN NOT NULL,
    -- Separated by spaces.
    transports         TEXT    NOT NULL,
    aaguid             BYTEA   NOT NULL,
    attestation_object BYTEA   NOT NULL
);
