-- The grants that an OAuth client has in a login. Without statistics, SQLite would read all grants of the client instead.
CREATE INDEX grants_of_login ON grants (sid, client_id);
DROP INDEX grants_by_login;
