//! A response stream that the client may keep open until it is displaced.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use tonic::{Status, body::Body};

use crate::fair_slots::Slot;

/// The response stream of an open call, which has a slot until it ends.
pub(super) struct OpenStream {
    body: Body,
    /// `None` after it was displaced.
    slot: Option<Slot>,
    displaced: fn() -> Status,
}

impl OpenStream {
    pub(super) const fn new(body: Body, slot: Slot, displaced: fn() -> Status) -> Self {
        Self {
            body,
            slot: Some(slot),
            displaced,
        }
    }
}

impl http_body::Body for OpenStream {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(slot) = &mut self.slot else {
            return Poll::Ready(None);
        };
        if slot.poll_displaced(context).is_ready() {
            self.slot = None;
            let mut trailers = HeaderMap::new();
            let status = (self.displaced)();
            let status = status
                .add_header(&mut trailers)
                .map(|()| Frame::trailers(trailers));
            return Poll::Ready(Some(status));
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.slot.is_none() || self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use futures_util::stream;
    use http_body_util::{BodyExt as _, StreamBody};
    use tonic::Code;

    use super::*;
    use crate::fair_slots::FairSlots;

    #[tokio::test]
    async fn displaced_stream_ends_with_a_status() {
        let slots = FairSlots::new(1);
        let network = IpAddr::V4(Ipv4Addr::LOCALHOST).into();
        let frames = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Status>>());
        let (slot, _) = slots.acquire(network);
        let mut open = OpenStream::new(Body::new(frames), slot, || {
            Status::resource_exhausted("too many")
        });
        let _newer = slots.acquire(network);

        let trailers = open.frame().await.unwrap().unwrap().into_trailers();
        let status = Status::from_header_map(&trailers.unwrap()).unwrap();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(open.frame().await.is_none());
    }
}
