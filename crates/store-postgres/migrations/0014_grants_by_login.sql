-- no-transaction
-- The index before it has the same first column.
DROP INDEX CONCURRENTLY IF EXISTS grants_by_login;
