-- Where the current refresh token was issued to: a repeat of the one before from elsewhere is an event. NULL where it is not known.
ALTER TABLE logins ADD COLUMN refresh_ip_address TEXT;
ALTER TABLE logins ADD COLUMN refresh_user_agent TEXT;
