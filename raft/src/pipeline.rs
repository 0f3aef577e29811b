//! Appends in flight: sent as they come, answered in their order.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::{FutureExt, Stream, StreamExt};
use openraft::errors::{NetworkError, RPCError, Unreachable};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, StreamAppendResult};
use tenure_storage::{LogId, Types};

/// The most appends on their way to one follower.
const WINDOW: usize = 64;
/// The most bytes of commands in one append, but for a single larger command. Well below the largest frame.
const MAX_BYTES: usize = 2 << 20;

type Answer<C> = BoxFuture<'static, Result<AppendEntriesResponse<C>, RPCError<C>>>;

struct InFlight<C: Types> {
    previous: Option<LogId>,
    last: Option<LogId>,
    answer: Answer<C>,
}

/// Turns a stream of requests into the stream of their answers. Ends after the first one that is not a plain success, as
/// openraft demands.
pub(crate) struct Pipeline<C: Types, I, F> {
    input: Option<I>,
    send: F,
    in_flight: VecDeque<InFlight<C>>,
    /// The last entry acknowledged by the follower on this stream.
    acknowledged: Option<LogId>,
    over: bool,
}

impl<C, I, F> Pipeline<C, I, F>
where
    C: Types,
    I: Stream<Item = AppendEntriesRequest<C>> + Unpin,
    F: Fn(&AppendEntriesRequest<C>) -> Answer<C>,
{
    pub(crate) fn new(input: I, send: F) -> Self {
        Self { input: Some(input), send, in_flight: VecDeque::new(), acknowledged: None, over: false }
    }

    fn take_requests(&mut self, ctx: &mut Context<'_>) {
        while self.in_flight.len() < WINDOW {
            let Some(input) = &mut self.input else { return };
            match input.poll_next_unpin(ctx) {
                Poll::Pending => return,
                Poll::Ready(None) => self.input = None,
                Poll::Ready(Some(mut request)) => {
                    // The request after a cut one would not connect to it.
                    if cut(&mut request) {
                        self.input = None;
                    }
                    let previous = request.prev_log_id;
                    let last = request.entries.last().map(|entry| entry.log_id).or(previous);
                    let answer = (self.send)(&request);
                    self.in_flight.push_back(InFlight { previous, last, answer });
                }
            }
        }
    }
}

/// Drops the entries that make the request too large. They are sent again, as if the follower had taken only the rest.
fn cut<C: Types>(request: &mut AppendEntriesRequest<C>) -> bool {
    let mut bytes = 0;
    let fits = request.entries.iter().take_while(|entry| {
        bytes += match &entry.payload {
            tenure_storage::Payload::Normal(command) => command.0.len(),
            tenure_storage::Payload::Blank | tenure_storage::Payload::Membership(_) => 0,
        };
        bytes <= MAX_BYTES
    });
    let fits = fits.count().max(1);
    let too_many = request.entries.len() > fits;
    request.entries.truncate(fits);
    too_many
}

impl<C, I, F> Stream for Pipeline<C, I, F>
where
    C: Types,
    I: Stream<Item = AppendEntriesRequest<C>> + Unpin,
    F: Fn(&AppendEntriesRequest<C>) -> Answer<C> + Unpin,
{
    type Item = Result<StreamAppendResult<C>, RPCError<C>>;

    fn poll_next(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.over {
            return Poll::Ready(None);
        }
        this.take_requests(ctx);
        let (previous, last, answer) = loop {
            let Some(first) = this.in_flight.front_mut() else {
                return if this.input.is_none() { Poll::Ready(None) } else { Poll::Pending };
            };
            let Poll::Ready(answer) = first.answer.poll_unpin(ctx) else {
                return Poll::Pending;
            };
            let Some(InFlight { previous, last, .. }) = this.in_flight.pop_front() else {
                return Poll::Ready(None);
            };
            // openraft takes "matches up to here" for the answer to every request sent so far that ends here, and counts
            // the leader's lease from the last of them. One that carries no entries and is still on its way would be
            // counted as answered, so it has to speak for this one.
            let plain = matches!(answer, Ok(AppendEntriesResponse::Success));
            if !plain || this.in_flight.front().is_none_or(|next| next.last != last) {
                break (previous, last, answer);
            }
        };
        let plain = matches!(answer, Ok(AppendEntriesResponse::Success));
        if !plain {
            this.over = true;
            this.in_flight.clear();
        } else {
            this.acknowledged = last;
        }
        let acknowledged = this.acknowledged;
        Poll::Ready(Some(answer.and_then(|answer| {
            match (answer, previous) {
                // At the very beginning of the log everything fits, so this is no answer to the question.
                (AppendEntriesResponse::Conflict, None) => {
                    Err(Unreachable::from_string("the peer reports a conflict before the first log entry").into())
                }
                // It overtook its predecessor, which has arrived since. Treated as a conflict it would mean that the
                // follower has lost acknowledged entries; if it has, it reports that for the first request of the
                // next stream.
                (AppendEntriesResponse::Conflict, Some(previous)) if Some(previous) <= acknowledged => {
                    Err(NetworkError::from_string("appends have overtaken each other").into())
                }
                (answer, _) => Ok(answer.into_stream_result(previous, last)),
            }
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::channel::{mpsc, oneshot};
    use openraft::raft::StreamAppendError;
    use std::sync::Mutex;
    use tenure_storage::{Command, Entry, LeaderId, Payload, TokioTypes, Vote};

    fn id(index: u64) -> LogId {
        LogId::new(LeaderId { term: 1, node_id: 1 }, index)
    }

    fn request(previous: u64, entries: std::ops::Range<u64>) -> AppendEntriesRequest<TokioTypes> {
        let entry = |index| Entry { log_id: id(index), payload: Payload::Normal(Command(vec![7])) };
        AppendEntriesRequest {
            vote: Vote { leader_id: LeaderId { term: 1, node_id: 1 }, committed: true },
            prev_log_id: Some(id(previous)),
            entries: entries.map(entry).collect(),
            leader_commit: None,
        }
    }

    #[test]
    fn an_append_that_overtook_the_one_before_it_is_no_conflict() {
        let (asking, input) = mpsc::unbounded();
        let says = Mutex::new(VecDeque::from([
            AppendEntriesResponse::Success,
            AppendEntriesResponse::Conflict,
            AppendEntriesResponse::Success,
        ]));
        let send = |_: &AppendEntriesRequest<TokioTypes>| {
            let answer = says.lock().unwrap().pop_front().unwrap();
            async move { Ok(answer) }.boxed()
        };
        for request in [request(1, 2..3), request(2, 3..4), request(3, 4..5)] {
            asking.unbounded_send(request).unwrap();
        }
        let mut answers = futures::executor::block_on_stream(Pipeline::new(input, send));
        assert_eq!(answers.next().unwrap().unwrap(), Ok(Some(id(2))));
        assert!(matches!(answers.next(), Some(Err(RPCError::Network(_)))));
        assert!(answers.next().is_none());
    }

    #[test]
    fn a_conflict_with_what_was_not_acknowledged_is_one() {
        let (asking, input) = mpsc::unbounded();
        let send = |_: &AppendEntriesRequest<TokioTypes>| async move { Ok(AppendEntriesResponse::Conflict) }.boxed();
        asking.unbounded_send(request(2, 3..4)).unwrap();
        let mut answers = futures::executor::block_on_stream(Pipeline::new(input, send));
        assert_eq!(answers.next().unwrap().unwrap(), Err(StreamAppendError::Conflict(id(2))));
        assert!(answers.next().is_none());
    }

    #[test]
    fn an_append_is_not_reported_while_one_that_ends_there_too_is_unanswered() {
        let (asking, input) = mpsc::unbounded();
        let pending = Mutex::new(VecDeque::new());
        let send = |_: &AppendEntriesRequest<TokioTypes>| {
            let (reply, answer) = oneshot::channel();
            pending.lock().unwrap().push_back(reply);
            async move { Ok(answer.await.unwrap()) }.boxed()
        };
        let mut pipeline = Pipeline::new(input, send);
        let mut ctx = Context::from_waker(std::task::Waker::noop());
        let mut poll = |pipeline: &mut Pipeline<TokioTypes, _, _>| match pipeline.poll_next_unpin(&mut ctx) {
            Poll::Ready(answer) => Some(answer.unwrap().unwrap().unwrap()),
            Poll::Pending => None,
        };
        let answer = || {
            let reply: oneshot::Sender<_> = pending.lock().unwrap().pop_front().unwrap();
            reply.send(AppendEntriesResponse::Success).unwrap();
        };
        // An entry, a mere "this is committed" behind it, and another entry.
        for request in [request(1, 2..3), request(2, 0..0), request(2, 3..4)] {
            asking.unbounded_send(request).unwrap();
        }
        assert_eq!(poll(&mut pipeline), None);
        answer();
        assert_eq!(poll(&mut pipeline), None, "the second request ends where the first does and is on its way");
        answer();
        assert_eq!(poll(&mut pipeline), Some(Some(id(2))), "now both are answered");
        assert_eq!(poll(&mut pipeline), None);
        answer();
        assert_eq!(poll(&mut pipeline), Some(Some(id(3))));
    }
}
