-- The thumbprint (RFC 7638) of the device key that a browser has to prove. NULL: its token is enough.
ALTER TABLE trusted_browsers ADD COLUMN bound_jkt TEXT;
