-- The earliest version of the schema (the number of its latest migration) whose programs work with this one. A migration that adds something
-- leaves it; one that removes, renames or restricts what earlier programs use sets it to its own number.
CREATE TABLE schema_compatibility (
    only_row BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    earliest BIGINT  NOT NULL
);

INSERT INTO schema_compatibility (earliest) VALUES (3);
