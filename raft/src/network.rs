//! openraft's network over a [`Wire`].
//!
//! Promises: every call ends by its time, appends go out without waiting for each other's answers and are answered in order,
//! a snapshot travels in pieces on the bulk lane, and votes and heartbeats never wait behind either.

use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::{BoxFuture, Either, select};
use futures::stream::BoxStream;
use futures::{FutureExt, Stream, StreamExt};
use openraft::async_runtime::AsyncRuntime;
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable};
use openraft::network::{Backoff as NetBackoff, RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, RPCTypes, RaftTypeConfig};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tenure_storage::{Peer, Types, Vote};

use crate::backoff::Backoff;
use crate::belief::Own;
use crate::codec::Blob;
use crate::message::{AppendOut, Kind, NoAnswer, PieceAnswer, SnapshotPiece, entry_out, read_answer};
use crate::pipeline::Pipeline;
use crate::store::Snapshot;
use crate::wire::{Lane, Wire, WireError};

/// Small enough that a heartbeat on another connection never waits long for the socket, large enough to fill it.
const PIECE: usize = 512 << 10;
/// For one piece; the last one waits for the snapshot to be installed.
const PIECE_TIME: Duration = Duration::from_secs(10);

/// State shared by all network clients of a node.
pub(crate) struct NetworkShared {
    pub(crate) wire: Arc<dyn Wire>,
    pub(crate) id: u64,
    /// Time that an append may wait for its answer. openraft's own limit is less than a heartbeat: a follower with a
    /// pausing disk would miss it, and then everything in flight would be sent again.
    pub(crate) append_time: Duration,
    /// The membership as it is now. A client outlives changes of its peer's address, which openraft does not tell it.
    pub(crate) members: OnceLock<Members>,
    /// The latest candidacy and leadership of this process.
    pub(crate) own: Arc<Own>,
}

/// Finds the present address of a member.
pub(crate) type Members = Box<dyn Fn(u64) -> Option<Peer> + Send + Sync>;

/// Makes a client per peer and purpose.
pub(crate) struct Factory<C> {
    pub(crate) shared: Arc<NetworkShared>,
    pub(crate) types: PhantomData<fn() -> C>,
}

impl<C: Types> Factory<C> {
    fn client(&self, target: u64, peer: &Peer, lane: Lane) -> Client<C> {
        Client { shared: Arc::clone(&self.shared), target, peer: peer.clone(), lane, types: PhantomData }
    }
}

impl<C: Types> RaftNetworkFactory<C> for Factory<C> {
    type Network = Client<C>;

    async fn new_client(&mut self, target: u64, node: &Peer) -> Client<C> {
        self.client(target, node, Lane::Bulk)
    }

    async fn new_heartbeat_client(&mut self, target: u64, node: &Peer) -> Client<C> {
        self.client(target, node, Lane::Urgent)
    }
}

/// A client of one peer.
pub(crate) struct Client<C> {
    shared: Arc<NetworkShared>,
    target: u64,
    peer: Peer,
    /// The lane of appends; everything else has its own.
    lane: Lane,
    types: PhantomData<fn() -> C>,
}

impl<C: Types> Client<C> {
    fn send(&self, lane: Lane, body: Vec<u8>, ttl: Duration) -> BoxFuture<'static, Result<Vec<u8>, WireError>> {
        let now = self.shared.members.get().and_then(|find| find(self.target));
        let peer = now.as_ref().unwrap_or(&self.peer);
        self.shared.wire.send(self.target, peer, lane, body, ttl)
    }

    async fn urgent<T: DeserializeOwned>(
        &self,
        kind: Kind,
        request: &impl Serialize,
        option: &RPCOption,
        purpose: RPCTypes,
    ) -> Result<T, RPCError<C>> {
        let ttl = option.soft_ttl();
        let answer = self.send(Lane::Urgent, kind.request(request), ttl).await;
        read_answer(answer).map_err(|e| self.rpc_error(e, purpose, ttl))
    }

    fn rpc_error(&self, error: NoAnswer, action: RPCTypes, timeout: Duration) -> RPCError<C> {
        match error {
            NoAnswer::Wire(WireError::TimedOut { .. }) => {
                RPCError::Timeout(Timeout { action, id: self.shared.id, target: self.target, timeout })
            }
            NoAnswer::Wire(WireError::Busy | WireError::Lost(_)) => RPCError::Network(NetworkError::from_string(error)),
            NoAnswer::Wire(WireError::Unreachable(_)) | NoAnswer::Stopped(_) | NoAnswer::Malformed(_) => {
                RPCError::Unreachable(Unreachable::from_string(error))
            }
        }
    }

    /// Sends one append at once; the future waits for its answer.
    fn append(
        &self,
        request: &AppendEntriesRequest<C>,
        ttl: Duration,
    ) -> BoxFuture<'static, Result<AppendEntriesResponse<C>, RPCError<C>>> {
        let out = AppendOut {
            vote: &request.vote,
            previous: request.prev_log_id,
            commit: request.leader_commit,
            entries: request.entries.iter().map(entry_out).collect(),
        };
        self.shared.own.says(&request.vote);
        let sent = self.send(self.lane, Kind::Append.request(&out), ttl);
        let this = self.clone();
        async move {
            let answer = read_answer(sent.await).map_err(|e| this.rpc_error(e, RPCTypes::AppendEntries, ttl))?;
            if let AppendEntriesResponse::HigherVote(vote) = &answer {
                this.shared.own.hears(vote, this.target);
            }
            Ok(answer)
        }
        .boxed()
    }

    fn append_ttl(&self, option: &RPCOption) -> Duration {
        match self.lane {
            Lane::Urgent => option.soft_ttl(),
            Lane::Bulk | Lane::App => option.soft_ttl().max(self.shared.append_time),
        }
    }

    async fn send_snapshot(self, vote: Vote, snapshot: Arc<Vec<u8>>) -> Result<SnapshotResponse<C>, RPCError<C>> {
        let crc = crc32fast::hash(&snapshot);
        let pieces = snapshot.chunks(PIECE).enumerate();
        for (number, bytes) in pieces {
            let piece = SnapshotPiece {
                vote,
                total: snapshot.len() as u64,
                crc,
                offset: (number * PIECE) as u64,
                bytes: Blob(bytes.to_vec()),
            };
            let answer = self.send(Lane::Bulk, Kind::SnapshotPiece.request(&piece), PIECE_TIME).await;
            match read_answer(answer).map_err(|e| self.rpc_error(e, RPCTypes::InstallSnapshot, PIECE_TIME))? {
                PieceAnswer::Taken => {}
                PieceAnswer::Done(vote) => {
                    self.shared.own.hears(&vote, self.target);
                    return Ok(SnapshotResponse::new(vote));
                }
                PieceAnswer::Refused(reason) => {
                    return Err(RPCError::Unreachable(Unreachable::from_string(reason)));
                }
            }
        }
        Err(RPCError::Unreachable(Unreachable::from_string("the peer took the whole snapshot and installed nothing")))
    }
}

impl<C> Clone for Client<C> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            target: self.target,
            peer: self.peer.clone(),
            lane: self.lane,
            types: PhantomData,
        }
    }
}

impl<C: Types> RaftNetworkV2<C> for Client<C> {
    type SnapshotData = Arc<Vec<u8>>;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<C>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<C>, RPCError<C>> {
        self.append(&request, self.append_ttl(&option)).await
    }

    fn stream_append<'s, I>(
        &'s mut self,
        input: I,
        option: RPCOption,
    ) -> BoxFuture<'s, Result<BoxStream<'s, Result<StreamAppendResult<C>, RPCError<C>>>, RPCError<C>>>
    where
        I: Stream<Item = AppendEntriesRequest<C>> + OptionalSend + Unpin + 'static,
    {
        let ttl = self.append_ttl(&option);
        let client = self.clone();
        let send = move |request: &AppendEntriesRequest<C>| client.append(request, ttl);
        let answers = Pipeline::new(input, send).boxed();
        futures::future::ready(Ok(answers)).boxed()
    }

    async fn vote(&mut self, request: VoteRequest<C>, option: RPCOption) -> Result<VoteResponse<C>, RPCError<C>> {
        self.shared.own.says(&request.vote);
        let answer: VoteResponse<C> = self.urgent(Kind::Vote, &request, &option, RPCTypes::Vote).await?;
        self.shared.own.hears(&answer.vote, self.target);
        Ok(answer)
    }

    async fn pre_vote(&mut self, request: VoteRequest<C>, option: RPCOption) -> Result<VoteResponse<C>, RPCError<C>> {
        let answer: VoteResponse<C> = self.urgent(Kind::PreVote, &request, &option, RPCTypes::Vote).await?;
        self.shared.own.hears(&answer.vote, self.target);
        Ok(answer)
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<C>, StreamingError<C>> {
        let sending = self.clone().send_snapshot(vote, snapshot.snapshot);
        match select(std::pin::pin!(cancel), std::pin::pin!(sending)).await {
            Either::Left((closed, _)) => Err(StreamingError::Closed(closed)),
            Either::Right((sent, _)) => Ok(sent?),
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<C>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<C>, RPCError<C>> {
        self.urgent(Kind::TransferLeader, &request, &option, RPCTypes::TransferLeader).await
    }

    fn backoff(&self) -> Option<NetBackoff> {
        let mut backoff = Backoff::default();
        Some(NetBackoff::new(std::iter::repeat_with(move || {
            backoff.next(&mut <C as RaftTypeConfig>::AsyncRuntime::thread_rng())
        })))
    }
}
