//! Reading of whole request bodies before a request is processed, within a deadline and with a limit of incomplete ones.

use std::{future::poll_fn, net::IpAddr, pin::Pin, task::Poll, time::Duration};

use bytes::{Bytes, BytesMut};
use holdfast_core::rate_limited_log::LogRateLimiter;
use http_body::Body;
use thiserror::Error;
use tokio::time::timeout;

use crate::{fair_slots::FairSlots, refusals::Limit};

/// Reads request bodies. Clones share the limit.
#[derive(Clone, Debug)]
pub struct BodyReader {
    incomplete: FairSlots,
    max_length: usize,
    deadline: Duration,
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BodyError {
    /// It was not complete within the deadline.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// Too many bodies were incomplete, and its client network had the most.
    #[error("too many incomplete requests")]
    Displaced,
    /// The client closed the stream, or violated the protocol.
    #[error("the body ended early")]
    Broken,
}

static DISPLACED: LogRateLimiter = LogRateLimiter::new("requests.unfinished_displaced");

impl BodyReader {
    /// Reads bodies of up to `max_length` bytes within `deadline`, of which at most `max_incomplete` may be incomplete at once.
    #[must_use]
    pub fn new(max_incomplete: usize, max_length: usize, deadline: Duration) -> Self {
        Self {
            incomplete: FairSlots::new(max_incomplete),
            max_length,
            deadline,
        }
    }

    /// The whole body; of one that exceeds the maximum length, a beginning that exceeds it, too.
    ///
    /// # Errors
    /// When the body does not arrive completely, or not within the deadline, or is displaced.
    pub async fn read<B>(&self, mut body: B, client: IpAddr) -> Result<Bytes, BodyError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let mut buffer = Buffer::default();
        // Usually it has arrived together with the head, and needs no slot.
        let first_poll = poll_fn(|context| {
            let result = buffer.poll(Pin::new(&mut body), context, self.max_length);
            Poll::Ready(match result {
                Poll::Ready(result) => Some(result),
                Poll::Pending => None,
            })
        });
        if let Some(result) = first_poll.await {
            return result.map(|()| buffer.into_bytes());
        }
        let (mut slot, has_displaced) = self.incomplete.acquire(client.into());
        if has_displaced {
            Limit::IncompleteRequests.count_refusal();
            DISPLACED.log(|requests| {
                tracing::warn!(
                    event = "requests.unfinished_displaced",
                    requests,
                    "too many incomplete requests; rejecting the oldest of the client network that has the most"
                );
            });
        }
        let rest = poll_fn(|context| buffer.poll(Pin::new(&mut body), context, self.max_length));
        let result = tokio::select! {
            result = timeout(self.deadline, rest) => result.unwrap_or(Err(BodyError::TooSlow)),
            () = slot.displaced() => Err(BodyError::Displaced),
        };
        result.map(|()| buffer.into_bytes())
    }
}

/// The part of a body that has arrived. A single frame is not copied.
#[derive(Default)]
struct Buffer {
    first: Bytes,
    rest: BytesMut,
}

impl Buffer {
    fn poll<B>(
        &mut self,
        mut body: Pin<&mut B>,
        context: &mut std::task::Context<'_>,
        max_length: usize,
    ) -> Poll<Result<(), BodyError>>
    where
        B: Body<Data = Bytes>,
    {
        while !body.is_end_stream() {
            match body.as_mut().poll_frame(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => break,
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(BodyError::Broken)),
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.append(data);
                    }
                    if self.length() > max_length {
                        break;
                    }
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn append(&mut self, data: Bytes) {
        if self.length() == 0 {
            self.first = data;
            return;
        }
        if self.rest.is_empty() {
            self.rest
                .extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.rest.extend_from_slice(&data);
    }

    fn length(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    fn into_bytes(self) -> Bytes {
        if self.rest.is_empty() {
            self.first
        } else {
            self.rest.freeze()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, io};

    use futures_util::{StreamExt as _, stream};
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};
    use tokio::time::Instant;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(10);
    const MAX_LENGTH: usize = 100;
    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn reader() -> BodyReader {
        BodyReader::new(2, MAX_LENGTH, DEADLINE)
    }

    /// A body of these frames, which then ends or stays open.
    fn body(
        frames: &[&'static [u8]],
        ends: bool,
    ) -> impl Body<Data = Bytes, Error = Infallible> + Unpin + use<> {
        let frames: Vec<_> = frames
            .iter()
            .map(|frame| Ok(Frame::data(Bytes::from_static(frame))))
            .collect();
        let frames = stream::iter(frames);
        let rest = if ends {
            stream::empty().left_stream()
        } else {
            stream::pending().right_stream()
        };
        StreamBody::new(frames.chain(rest))
    }

    #[tokio::test]
    async fn body_in_any_number_of_frames_is_read() {
        let bodies: [&[&[u8]]; 3] = [&[b"abcdef"], &[b"ab", b"", b"cd", b"ef"], &[]];
        for frames in bodies {
            let read = reader().read(body(frames, true), CLIENT).await.unwrap();
            assert_eq!(read, frames.concat());
        }
        let whole = Full::new(Bytes::from_static(b"x"));
        assert_eq!(reader().read(whole, CLIENT).await.unwrap(), "x");
    }

    #[tokio::test(start_paused = true)]
    async fn incomplete_body_fails_at_the_deadline() {
        for frames in [&[] as &[&[u8]], &[b"a"]] {
            let started = Instant::now();
            let error = reader().read(body(frames, false), CLIENT).await;
            assert_eq!(error, Err(BodyError::TooSlow));
            assert!(started.elapsed() >= DEADLINE && started.elapsed() < DEADLINE * 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn body_above_the_maximum_length_is_not_waited_for() {
        const LARGE: &[u8] = &[b'x'; MAX_LENGTH + 1];
        let started = Instant::now();
        let read = reader().read(body(&[LARGE], false), CLIENT).await.unwrap();
        assert!(read.len() > MAX_LENGTH);
        assert!(started.elapsed().is_zero());
    }

    #[tokio::test]
    async fn broken_stream_is_an_error() {
        let broken = stream::iter([Err::<Frame<Bytes>, _>(io::Error::other("gone"))]);
        let error = reader().read(StreamBody::new(broken), CLIENT).await;
        assert_eq!(error, Err(BodyError::Broken));
    }

    #[tokio::test]
    async fn complete_body_needs_no_slot() {
        let reader = reader();
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let reader = reader.clone();
                tokio::spawn(async move { reader.read(body(&[b"a"], false), CLIENT).await })
            })
            .collect();
        let mut waiting = waiting.into_iter();
        // The first was displaced by the third.
        let first = waiting.next().unwrap().await.unwrap();
        assert_eq!(first, Err(BodyError::Displaced));
        let read = reader.read(body(&[b"ab", b"c"], true), CLIENT).await;
        assert_eq!(read.unwrap(), "abc");
    }
}
