//! A deadline for responses that a client does not receive.
//!
//! HTTP/2 flow control lets a client determine how much of each response is sent. A client that answers pings and grants no window would
//! keep its responses in memory for any time. A timer for each response would cost every request; instead, a connection counts its open
//! responses by the interval in which they started, and checks the oldest interval a few times a minute.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

/// Number of intervals that are counted. A response is overdue when it is older than all but one of them.
const INTERVALS: usize = 4;

/// Length above which a frame is split before its last byte. The transport polls for the rest only when the client has received what
/// precedes it, so that the body is alive until then. Of a smaller response no more than this stays in memory.
const SPLIT_ABOVE: usize = 1024;

/// The open responses of one connection, counted by the interval in which they started.
#[derive(Debug, Default)]
pub struct OpenResponses {
    interval: AtomicUsize,
    started: [AtomicUsize; INTERVALS],
}

impl OpenResponses {
    fn start(self: &Arc<Self>) -> OpenResponse {
        let interval = self.interval.load(Relaxed) % INTERVALS;
        self.started[interval].fetch_add(1, Relaxed);
        OpenResponse {
            responses: Arc::clone(self),
            interval,
        }
    }

    /// Starts the next interval; returns whether a response is still open that started two to three intervals ago.
    pub(super) fn advance(&self) -> bool {
        let next = self.interval.load(Relaxed).wrapping_add(1);
        self.interval.store(next, Relaxed);
        self.started[next.wrapping_add(1) % INTERVALS].load(Relaxed) > 0
    }
}

/// Counts a response until it is dropped.
#[derive(Debug)]
struct OpenResponse {
    responses: Arc<OpenResponses>,
    interval: usize,
}

impl Drop for OpenResponse {
    fn drop(&mut self) {
        self.responses.started[self.interval].fetch_sub(1, Relaxed);
    }
}

pin_project! {
    /// The body of a response over HTTP/2, which its connection counts until the client has received it.
    #[derive(Debug)]
    pub struct TrackedBody<B> {
        #[pin]
        body: B,
        last: Option<Bytes>,
        open: OpenResponse,
    }
}

impl<B> TrackedBody<B> {
    /// Counts `body` among the open responses until it is dropped, which the transport does when the client has received it.
    pub fn new(body: B, responses: &Arc<OpenResponses>) -> Self {
        Self {
            body,
            last: None,
            open: responses.start(),
        }
    }
}

impl<B: Body<Data = Bytes>> Body for TrackedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        if let Some(last) = this.last.take() {
            return Poll::Ready(Some(Ok(Frame::data(last))));
        }
        this.body
            .poll_frame(context)
            .map_ok(|frame| match frame.into_data() {
                Ok(mut data) if data.len() > SPLIT_ABOVE => {
                    *this.last = Some(data.split_off(data.len() - 1));
                    Frame::data(data)
                }
                Ok(data) => Frame::data(data),
                Err(other) => other,
            })
    }

    fn is_end_stream(&self) -> bool {
        self.last.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let withheld = self.last.as_ref().map_or(0, Bytes::len) as u64;
        let rest = self.body.size_hint();
        let mut hint = SizeHint::new();
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + withheld);
        }
        hint.set_lower(rest.lower() + withheld);
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};

    use super::*;

    #[test]
    fn response_is_overdue_after_two_to_three_intervals() {
        let responses = Arc::new(OpenResponses::default());
        for _ in 0..20 {
            assert!(!responses.advance());
            let open = responses.start();
            assert!(!responses.advance());
            assert!(!responses.advance());
            assert!(responses.advance());
            drop(open);
        }
    }

    #[tokio::test]
    async fn large_frame_is_split_before_its_last_byte_and_nothing_is_lost() {
        let responses = Arc::new(OpenResponses::default());
        for length in [0, 1, SPLIT_ABOVE, SPLIT_ABOVE + 1, 100_000] {
            let data: Vec<u8> = (0..=255).cycle().take(length).collect();
            let whole = Full::new(Bytes::from(data.clone()));
            let mut body = TrackedBody::new(whole, &responses);
            let mut received = Vec::new();
            let mut frames = 0;
            assert_eq!(body.size_hint().exact(), Some(length as u64));
            while let Some(frame) = body.frame().await {
                frames += 1;
                received.extend_from_slice(&frame.unwrap().into_data().unwrap());
                let rest = (length - received.len()) as u64;
                assert_eq!(body.size_hint().exact(), Some(rest));
                assert_eq!(body.is_end_stream(), rest == 0);
            }
            assert_eq!(received, data);
            assert_eq!(
                frames,
                usize::from(length > 0) + usize::from(length > SPLIT_ABOVE)
            );
        }
    }
}
