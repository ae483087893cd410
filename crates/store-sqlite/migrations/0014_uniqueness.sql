-- An OAuth client has one grant of a login at a time, and an account one password.
CREATE UNIQUE INDEX one_grant_of_client ON grants (sid, client_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX one_password ON credentials (user_id) WHERE kind = 'password';
