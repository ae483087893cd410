-- Where people signed in from before, as keyed hashes of addresses and browsers: there, nobody else can lock them out.
CREATE TABLE known_places (
    user_id      TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    place        BLOB    NOT NULL,
    last_seen_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX known_places_by_time ON known_places (last_seen_at);
