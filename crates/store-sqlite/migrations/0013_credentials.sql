-- What the owner of an account proves to authenticate. A password is one kind, of which an account has at most one: it has the identifier of
-- its account, and its data is the Argon2id hash in PHC form.
CREATE TABLE credentials (
    id           TEXT    PRIMARY KEY NOT NULL,
    user_id      TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind         TEXT    NOT NULL,
    -- The name that the owner gave it.
    label        TEXT    NOT NULL,
    data         BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;

CREATE INDEX credentials_by_user ON credentials (user_id, kind);

INSERT INTO credentials (id, user_id, kind, label, data, created_at)
SELECT id, id, 'password', '', CAST(password_hash AS BLOB), password_changed_at FROM users;

-- It grows with every change of a credential: a login starts only with the version that was authenticated.
ALTER TABLE users RENAME COLUMN password_version TO authentication_version;
ALTER TABLE users DROP COLUMN password_hash;
ALTER TABLE users DROP COLUMN password_changed_at;
