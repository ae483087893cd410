-- An account may have many logins that ended. Lists and the limit of live logins read the live ones.
CREATE INDEX live_logins_by_user ON logins (user_id) WHERE ended_at IS NULL;
