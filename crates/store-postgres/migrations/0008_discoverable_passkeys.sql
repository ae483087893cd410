-- Whether a passkey can be found without its credential ID, as the browser claimed when it was registered; NULL if it did not say. Only one that
-- can signs in from an empty form.
ALTER TABLE passkeys ADD COLUMN discoverable BOOLEAN;
