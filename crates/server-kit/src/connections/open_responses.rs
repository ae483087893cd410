//! A deadline for answers that a client does not take.
//!
//! Over HTTP/2 a client decides how much of each answer it takes. One that answers pings and takes nothing would keep all
//! its answers in memory for as long as it likes. A timer for each answer would cost every request, so a connection counts
//! its open answers by the interval in which they began and looks at the oldest a few times a minute.

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

/// How many intervals are told apart; an answer is overdue when it is older than all but one of them.
const INTERVALS: usize = 4;

/// A larger frame is split before its last byte. The transport asks for the rest only when the client has taken what was
/// before it, so the body lives until then. Of a smaller answer no more than this stays in memory.
const SPLIT_ABOVE: usize = 1024;

/// The answers of one connection that are not taken yet, counted by when they began.
#[derive(Debug, Default)]
pub struct Answers {
    interval: AtomicUsize,
    begun: [AtomicUsize; INTERVALS],
}

impl Answers {
    fn begin(self: &Arc<Self>) -> OpenAnswer {
        let interval = self.interval.load(Relaxed) % INTERVALS;
        self.begun[interval].fetch_add(1, Relaxed);
        OpenAnswer {
            answers: Arc::clone(self),
            interval,
        }
    }

    /// Begins the next interval; whether an answer from the oldest one is still open, which began two to three intervals ago.
    pub(super) fn is_overdue(&self) -> bool {
        let next = self.interval.load(Relaxed).wrapping_add(1);
        self.interval.store(next, Relaxed);
        self.begun[next.wrapping_add(1) % INTERVALS].load(Relaxed) > 0
    }
}

/// Counts an answer until it is dropped.
#[derive(Debug)]
struct OpenAnswer {
    answers: Arc<Answers>,
    interval: usize,
}

impl Drop for OpenAnswer {
    fn drop(&mut self) {
        self.answers.begun[self.interval].fetch_sub(1, Relaxed);
    }
}

pin_project! {
    /// The body of an answer over HTTP/2, which its connection counts until the client took it.
    #[derive(Debug)]
    pub struct AnswerBody<B> {
        #[pin]
        body: B,
        last: Option<Bytes>,
        open: OpenAnswer,
    }
}

impl<B> AnswerBody<B> {
    /// Counts `body` among `answers` until it is dropped, which the transport does when the client has taken it.
    pub fn new(body: B, answers: &Arc<Answers>) -> Self {
        Self {
            body,
            last: None,
            open: answers.begin(),
        }
    }
}

impl<B: Body<Data = Bytes>> Body for AnswerBody<B> {
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
        let held_back = self.last.as_ref().map_or(0, Bytes::len) as u64;
        let rest = self.body.size_hint();
        let mut hint = SizeHint::new();
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + held_back);
        }
        hint.set_lower(rest.lower() + held_back);
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};

    use super::*;

    #[test]
    fn answer_is_overdue_after_two_to_three_intervals() {
        let answers = Arc::new(Answers::default());
        for _ in 0..20 {
            assert!(!answers.is_overdue());
            let open = answers.begin();
            assert!(!answers.is_overdue());
            assert!(!answers.is_overdue());
            assert!(answers.is_overdue());
            drop(open);
        }
    }

    #[tokio::test]
    async fn large_frame_is_split_before_its_last_byte_and_nothing_is_lost() {
        let answers = Arc::new(Answers::default());
        for length in [0, 1, SPLIT_ABOVE, SPLIT_ABOVE + 1, 100_000] {
            let data: Vec<u8> = (0..=255).cycle().take(length).collect();
            let whole = Full::new(Bytes::from(data.clone()));
            let mut body = AnswerBody::new(whole, &answers);
            let mut taken = Vec::new();
            let mut frames = 0;
            assert_eq!(body.size_hint().exact(), Some(length as u64));
            while let Some(frame) = body.frame().await {
                frames += 1;
                taken.extend_from_slice(&frame.unwrap().into_data().unwrap());
                let rest = (length - taken.len()) as u64;
                assert_eq!(body.size_hint().exact(), Some(rest));
                assert_eq!(body.is_end_stream(), rest == 0);
            }
            assert_eq!(taken, data);
            assert_eq!(
                frames,
                usize::from(length > 0) + usize::from(length > SPLIT_ABOVE)
            );
        }
    }
}
