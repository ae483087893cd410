-- One row: what time it was when a process last served this database, as far as its clock could be believed. By it a start finds
-- out that the clock leapt meanwhile, before anything is deleted for its age. Times are milliseconds since 1970.
CREATE TABLE steady_time (
    only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
    steady_at INTEGER NOT NULL,
    -- What the system's clock showed then.
    clock_at  INTEGER NOT NULL,
    -- Milliseconds that the system's clock had gone on since it leapt.
    apart_for INTEGER NOT NULL
) STRICT;
