-- no-transaction
-- The grants that an OAuth client has in a login.
CREATE INDEX CONCURRENTLY IF NOT EXISTS grants_of_login ON grants (sid, client_id);
