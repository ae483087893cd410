-- Which instance performs a task, until when by the clock of this server, in milliseconds since 1970.
CREATE TABLE leases (
    name       TEXT   PRIMARY KEY,
    holder     TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);
