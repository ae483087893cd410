-- The host or scheme for which the subject identifiers of a relying party are pairwise. NULL where they are not.
ALTER TABLE clients ADD COLUMN sector TEXT;
