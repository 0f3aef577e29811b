//! The answers of a node to other nodes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{BoxFuture, ready};
use futures::{FutureExt, StreamExt};
use openraft::Raft;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{ClientWriteError, Fatal, RaftError};
use openraft::raft::{AppendEntriesRequest, TransferLeaderRequest, VoteRequest};
use openraft::type_config::TypeConfigExt;
use tenure_storage::{LogId, Types, Vote};

use crate::admission::{Admission, Standing, word};
use crate::belief::{Distrust, check_entries, check_level, check_membership, check_vote};
use crate::codec::Blob;
use crate::handle::{MAX_COMMAND, read_index};
use crate::incoming::{Incoming, Progress};
use crate::machine::{AppHandler, StateMachine};
use crate::message::{AppendIn, Kind, Outcome, PieceAnswer, ReadIndexAnswer, SnapshotPiece, Stopped, answer, fields};
use crate::recover::is_given_up;
use crate::store::{Applied, Head, Shared, Snapshot, open, tagged};
use crate::wire::{Malformed, Sender, Service};

pub(crate) type RaftOf<C, S> = Raft<C, Applied<C, S>>;

/// Answers the requests of other nodes with this node's consensus and application.
pub(crate) struct Server<C: Types, S: StateMachine> {
    pub(crate) id: u64,
    pub(crate) admission: Admission<C>,
    pub(crate) distrust: Arc<Distrust>,
    pub(crate) raft: RaftOf<C, S>,
    pub(crate) shared: Arc<Shared<S>>,
    pub(crate) app: Arc<dyn AppHandler>,
    /// The one snapshot that may be on its way here: there is one leader.
    pub(crate) incoming: Arc<Mutex<Incoming>>,
}

fn stopped(error: impl ToString) -> Stopped {
    Stopped(error.to_string())
}

impl<C: Types, S: StateMachine> Service for Server<C, S> {
    fn admit(&self, sender: &Sender) -> Result<(), String> {
        self.judge(sender, Standing::Learner)
    }

    fn farewell(&self, sender: &Sender) -> Option<String> {
        // What is committed, for this is final.
        let membership = self.shared.membership();
        let at = membership.log_id().map_or(0, |log| log.index);
        let given_up = is_given_up(sender.id, &sender.name, &membership);
        given_up.then(|| format!("the cluster has gone on without {} ({}), see log index {at}", sender.name, sender.id))
    }

    fn member_addresses(&self) -> Vec<String> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        metrics.membership_config.membership().nodes().map(|(_, peer)| peer.address.clone()).collect()
    }

    fn serve(&self, sender: &Sender, body: &[u8], ttl: Duration) -> Result<BoxFuture<'static, Vec<u8>>, Malformed> {
        let raft = self.raft.clone();
        let (kind, bytes) = Kind::split(body)?;
        // Who was removed is out at once, also on a connection that is open.
        if let Err(reason) = self.judge(sender, kind.needs()) {
            return Ok(refused(reason));
        }
        Ok(match kind {
            Kind::Append => self.append(sender, fields(bytes)?)?,
            Kind::Vote => {
                let request: VoteRequest<C> = fields(bytes)?;
                check_vote(self.id, sender, &request.vote)?;
                async move { answer(raft.vote(request).await.map_err(stopped)) }.boxed()
            }
            Kind::PreVote => {
                let request: VoteRequest<C> = fields(bytes)?;
                check_vote(self.id, sender, &request.vote)?;
                async move { answer(raft.pre_vote(request).await.map_err(stopped)) }.boxed()
            }
            Kind::TransferLeader => {
                let request: TransferLeaderRequest<C> = fields(bytes)?;
                check_vote(self.id, sender, request.from_leader())?;
                async move { answer(raft.handle_transfer_leader(request).await.map_err(stopped)) }.boxed()
            }
            Kind::SnapshotPiece => {
                let piece: SnapshotPiece = fields(bytes)?;
                match self.believes_leader(sender, &piece.vote)? {
                    Ok(()) => self.take_piece(sender, piece),
                    Err(reason) => refused(reason),
                }
            }
            Kind::Propose => propose(raft, Arc::clone(&self.shared), sender.name.clone(), commands(bytes)?, ttl),
            Kind::ReadIndex => async move { answer(Ok(answer_read_index(&raft, ttl).await)) }.boxed(),
            Kind::Call => self.call(sender, bytes, ttl),
            Kind::Stranger => {
                let (id, name, theirs): (u64, String, Option<LogId>) = fields(bytes)?;
                let metrics = self.raft.metrics();
                let word = word(id, &name, theirs, &metrics.borrow_watched().membership_config);
                ready(answer(Ok(word))).boxed()
            }
            Kind::Ability => {
                let ability = self.shared.ability();
                async move { answer(Ok(ability)) }.boxed()
            }
        })
    }
}

/// A message that is not believed: its sender is told why.
fn refused(reason: String) -> BoxFuture<'static, Vec<u8>> {
    ready(answer::<()>(Err(Stopped(reason)))).boxed()
}

/// Proposals of another node, none longer than this node would take from its own program: the append that carries one must
/// fit into a frame.
pub(crate) fn commands(bytes: &[u8]) -> Result<Vec<Blob>, Malformed> {
    let commands: Vec<Blob> = fields(bytes)?;
    match commands.iter().find(|Blob(command)| command.len() > MAX_COMMAND) {
        Some(Blob(command)) => Err(Malformed(format!("a proposal of {} bytes", command.len()))),
        None => Ok(commands),
    }
}

impl<C: Types, S: StateMachine> Server<C, S> {
    /// Whether the sender is what it must be for this.
    fn judge(&self, sender: &Sender, needed: Standing) -> Result<(), String> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        self.admission.judge(sender, needed, &metrics.membership_config)
    }

    /// Whether a message is believed of a leader, which may be known to decide nothing; the inner error goes back to it.
    fn believes_leader(&self, sender: &Sender, vote: &Vote) -> Result<Result<(), String>, Malformed> {
        check_vote(self.id, sender, vote)?;
        if self.distrust.covers(vote.leader_id.term) {
            return Ok(Err(format!("{} is not believed to lead: it has decided nothing for too long", sender.name)));
        }
        Ok(Ok(()))
    }

    fn append(&self, sender: &Sender, mut append: AppendIn) -> Result<BoxFuture<'static, Vec<u8>>, Malformed> {
        if let Err(reason) = self.believes_leader(sender, &append.vote)? {
            return Ok(refused(reason));
        }
        let request = AppendEntriesRequest {
            vote: append.vote,
            prev_log_id: append.previous,
            entries: append.take_entries(),
            leader_commit: append.commit,
        };
        check_entries(append.previous.as_ref(), &append.vote, &request.entries, self.shared.ability())?;
        let raft = self.raft.clone();
        Ok(async move { answer(raft.append_entries(request).await.map_err(stopped)) }.boxed())
    }

    /// In a task of its own: whatever the application does must not hold up the connection.
    fn call(&self, sender: &Sender, bytes: &[u8], ttl: Duration) -> BoxFuture<'static, Vec<u8>> {
        let answering = self.app.call(sender.id, bytes.to_vec());
        let task = C::spawn(C::timeout(ttl, answering));
        async move {
            let outcome = match task.await {
                Ok(Ok(outcome)) => outcome.map(Blob),
                Ok(Err(_)) => Err("the handler of calls did not answer in time".to_owned()),
                Err(error) => Err(format!("the handler of calls failed: {error}")),
            };
            answer(Ok(outcome))
        }
        .boxed()
    }

    fn take_piece(&self, sender: &Sender, piece: SnapshotPiece) -> BoxFuture<'static, Vec<u8>> {
        let (raft, shared, incoming) = (self.raft.clone(), Arc::clone(&self.shared), Arc::clone(&self.incoming));
        let ability = self.shared.ability();
        let from = sender.id;
        async move {
            let vote = piece.vote;
            let progress = incoming.lock().expect("no code panics while it takes a piece").take(from, piece);
            let taken = match progress {
                Progress::Partial => Ok(PieceAnswer::Taken),
                Progress::Refused(reason) => Ok(PieceAnswer::Refused(reason)),
                Progress::Whole(bytes) => install(&raft, shared.cluster(), ability, vote, bytes).await,
            };
            answer(taken.map_err(stopped))
        }
        .boxed()
    }
}

async fn install<C: Types, S: StateMachine>(
    raft: &RaftOf<C, S>,
    cluster: &str,
    ability: u32,
    vote: Vote,
    bytes: Vec<u8>,
) -> Result<PieceAnswer, Fatal<C>> {
    // openraft panics on a snapshot that contradicts the log: nothing reaches it that is not whole and ours.
    let meta = match open(&bytes, cluster) {
        Ok((head, _)) if let Err(reason) = check_head(&head, ability) => return Ok(PieceAnswer::Refused(reason)),
        Ok((head, _)) => openraft::SnapshotMeta { last_log_id: head.last, last_membership: head.membership },
        Err(bad) => return Ok(PieceAnswer::Refused(bad.to_string())),
    };
    let snapshot = Snapshot { meta, snapshot: Arc::new(bytes) };
    let response = raft.install_full_snapshot(vote, snapshot).await?;
    Ok(PieceAnswer::Done(response.vote))
}

/// Whether this program can take up a snapshot with this head, now and at each start that follows; why not.
fn check_head(head: &Head, ability: u32) -> Result<(), String> {
    check_level(head.level, ability)?;
    let (last, known) = (head.last.map(|last| last.index), head.membership.log_id().map(|known| known.index));
    if last.is_none_or(|last| last == u64::MAX) || known > last {
        return Err(format!("it covers {last:?}, and its membership is of {known:?}"));
    }
    check_membership(head.membership.membership())
}

fn propose<C: Types, S: StateMachine>(
    raft: RaftOf<C, S>,
    shared: Arc<Shared<S>>,
    from: String,
    commands: Vec<Blob>,
    ttl: Duration,
) -> BoxFuture<'static, Vec<u8>> {
    async move {
        let sealed = commands.into_iter().map(|Blob(command)| {
            let sealed = shared.with(|machine| machine.seal(command, Some(&from)));
            sealed.map(|sealed| tagged(&sealed))
        });
        // What this node does not take of the sender is answered without it, and the rest goes on.
        let mut refused: Vec<Option<String>> = Vec::new();
        let mut taken = Vec::new();
        for sealed in sealed {
            refused.push(sealed.map(|sealed| taken.push(sealed)).err());
        }
        let count = taken.len();
        let mut outcomes = Vec::with_capacity(count);
        let reason = match C::timeout(ttl, collect_outcomes(&raft, taken, &mut outcomes)).await {
            Ok(Ok(())) => String::new(),
            Ok(Err(fatal)) => fatal.to_string(),
            Err(_) => "the deadline passed".to_owned(),
        };
        outcomes.resize_with(count, || Outcome::Unknown(reason.clone()));
        let mut outcomes = outcomes.into_iter();
        let all = refused.into_iter().map(|why| match why {
            Some(why) => Outcome::Refused(why),
            None => outcomes.next().unwrap_or_else(|| Outcome::Unknown(reason.clone())),
        });
        answer(Ok(all.collect::<Vec<_>>()))
    }
    .boxed()
}

async fn collect_outcomes<C: Types, S: StateMachine>(
    raft: &RaftOf<C, S>,
    commands: Vec<tenure_storage::Command>,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Fatal<C>> {
    if commands.is_empty() {
        return Ok(());
    }
    let mut written = raft.client_write_many(commands).await?;
    while let Some(result) = written.next().await {
        outcomes.push(match result? {
            Ok(response) => Outcome::Applied { index: response.log_id.index, reply: Blob(response.response.0) },
            Err(error) => outcome_of(RaftError::<C, _>::APIError(error)),
        });
    }
    Ok(())
}

/// The outcome of a write without a result, in the terms of its proposer.
pub(crate) fn outcome_of<C: Types>(error: RaftError<C, ClientWriteError<C>>) -> Outcome {
    match error {
        RaftError::APIError(ClientWriteError::ForwardToLeader(_)) => Outcome::NotLeader,
        RaftError::APIError(error) => Outcome::Unknown(error.to_string()),
        RaftError::Fatal(fatal) => Outcome::Unknown(fatal.to_string()),
    }
}

async fn answer_read_index<C: Types, S: StateMachine>(raft: &RaftOf<C, S>, ttl: Duration) -> ReadIndexAnswer {
    match read_index(raft, ttl).await {
        Ok(linearizer) => ReadIndexAnswer::At(linearizer.read_log_id().index()),
        Err(_) => ReadIndexAnswer::NotNow,
    }
}
