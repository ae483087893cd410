-- When every access token of an API login is dead: what ends it then needs no entry among the revocations, as refresh tokens are of
-- no use without this row. NULL where that is not known, or where a browser's session lives without the row.
ALTER TABLE logins ADD COLUMN tokens_until INTEGER;
