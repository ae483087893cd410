//! Metadata entries that must occur once.

use tonic::{
    Request,
    metadata::{AsciiMetadataValue, MetadataMap},
};

/// The entry occurs more than once, so that none of its values is used.
pub(super) struct Repeated;

/// The only entry of this name; `None` if there is none.
pub(super) fn only<'a>(
    metadata: &'a MetadataMap,
    name: &str,
) -> Result<Option<&'a AsciiMetadataValue>, Repeated> {
    let mut values = metadata.get_all(name).iter();
    let value = values.next();
    match values.next() {
        None => Ok(value),
        Some(_) => Err(Repeated),
    }
}

/// The text of the only entry of this name; `None` if there is none, more than one, or one that is not visible ASCII.
pub(super) fn text<'a, T>(request: &'a Request<T>, name: &str) -> Option<&'a str> {
    only(request.metadata(), name).ok()??.to_str().ok()
}
