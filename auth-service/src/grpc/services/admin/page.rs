//! Pages of lists.

use tonic::Status;

use crate::grpc::errors::invalid;

const DEFAULT_SIZE: u32 = 50;
const MAX_SIZE: u32 = 200;

/// The number of entries on a page.
#[derive(Clone, Copy)]
pub(super) struct PageSize(u32);

impl PageSize {
    /// The size of a field `page_size`: 1 to 200, or 0 for the default of 50.
    pub(super) fn decode(requested: i32) -> Result<Self, Status> {
        match u32::try_from(requested) {
            Ok(0) => Ok(Self(DEFAULT_SIZE)),
            Ok(size) if size <= MAX_SIZE => Ok(Self(size)),
            _ => Err(invalid("page_size", "must be from 0 to 200")),
        }
    }

    /// The number of entries to read: one more than the page has shows whether there is a next page.
    pub(super) const fn limit(self) -> u32 {
        self.0 + 1
    }

    /// Cuts `entries` to one page. Returns the token of the next page; it is empty if there is none.
    pub(super) fn cut<T>(self, entries: &mut Vec<T>, token: impl FnOnce(&T) -> String) -> String {
        let size = self.0 as usize;
        let is_last = entries.len() <= size;
        entries.truncate(size);
        let last = entries.last().filter(|_| !is_last);
        last.map(token).unwrap_or_default()
    }
}
