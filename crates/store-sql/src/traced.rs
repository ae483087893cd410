//! Statements in traces.

use holdfast_identity::store::StoreError;
use holdfast_trace::child_span;
use sqlx::{Database, Execute, IntoArguments, database::HasStatementCache, query::Query};
use tracing::Span;

use crate::unavailable;

/// A statement with its span, whose attribute `db.system.name` is `system`. The span contains the text and no argument: they are sent apart
/// from it.
///
/// # Errors
/// An argument cannot be encoded.
pub fn traced<'q, DB>(
    mut statement: Query<'q, DB, DB::Arguments>,
    system: &'static str,
) -> Result<(Query<'q, DB, DB::Arguments>, Span), StoreError>
where
    DB: Database<Arguments: IntoArguments<DB>> + HasStatementCache,
{
    if !holdfast_trace::is_sampled() {
        return Ok((statement, Span::none()));
    }
    let is_persistent = Execute::persistent(&statement);
    let arguments = statement.take_arguments().map_err(unavailable)?;
    // The text of a query can only be had in exchange for the query.
    let text = statement.sql();
    let span = child_span!(
        "statement",
        otel.kind = "client",
        db.system.name = system,
        db.query.text = text.as_str()
    );
    let statement = sqlx::query_with(text, arguments.unwrap_or_default());
    Ok((statement.persistent(is_persistent), span))
}
