-- Since when a browser's login is bound to its device. The key is web-service's to know and to check.
ALTER TABLE logins ADD COLUMN bound_at INTEGER;
