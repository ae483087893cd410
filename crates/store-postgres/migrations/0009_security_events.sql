-- no-transaction
-- The events that are shown to the owner of an account, which are few among those of its logins. Every sign-in writes this table, which an index that is
-- not built CONCURRENTLY would block.
CREATE INDEX CONCURRENTLY IF NOT EXISTS security_events_by_user ON audit_events (user_id, id)
WHERE kind IN ('PASSWORD_CHANGED', 'PASSWORD_SET', 'PASSWORD_ADDED', 'PASSWORD_REMOVED', 'PASSKEY_ADDED', 'PASSKEY_REMOVED', 'TOTP_ADDED', 'TOTP_REMOVED', 'RECOVERY_CODES_CREATED', 'RECOVERY_CODE_USED', 'FACTORS_RESET', 'BROWSER_TRUSTED', 'OTHER_LOGINS_ENDED', 'ALL_LOGINS_ENDED', 'REFRESH_REUSED', 'PASSKEY_COUNTER_WENT_BACK', 'THEFT_SUSPECTED');
