//! The tables of a store.

/// A table, and the order of its rows.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// Columns by which the rows are read.
    pub(crate) order: &'static str,
}

/// Every table with rows of a deployment; those that others refer to come first.
pub(crate) const TABLES: [Table; 18] = [
    table("users", "id"),
    table("credentials", "id"),
    table("passkeys", "id"),
    table("trusted_browsers", "id"),
    table("clients", "id"),
    table("logins", "sid"),
    table("grants", "id"),
    table("consents", "user_id, client_id"),
    table("logout_deliveries", "client_id, sid, ended_at"),
    table("event_streams", "client_id"),
    table("stream_events", "id"),
    table("revocations", "sequence"),
    table("epoch", "id"),
    table("audit_events", "id"),
    table("known_places", "user_id, place"),
    table("signing_keys", "kid"),
    table("secret_keys", "name"),
    table("steady_time", "steady_at"),
];

const fn table(name: &'static str, order: &'static str) -> Table {
    Table { name, order }
}

/// The type of a column in the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType {
    Text,
    Integer,
    Boolean,
    Bytes,
}

impl ColumnType {
    /// The type with this name in `information_schema.columns`.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "text" => Some(Self::Text),
            "bigint" => Some(Self::Integer),
            "boolean" => Some(Self::Boolean),
            "bytea" => Some(Self::Bytes),
            _ => None,
        }
    }
}
