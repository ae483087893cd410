-- The trace of the request that caused an event (W3C Trace Context), if it was sampled.
ALTER TABLE audit_events ADD COLUMN trace_id TEXT;
