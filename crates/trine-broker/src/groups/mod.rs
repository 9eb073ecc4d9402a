//! Consumer groups: membership, committed offsets, lag. Thin over the machine in `trine-core`: what a group is stands there; that it exists stands in the
//! catalogue, durably, from its first use on.

mod convert;
mod lag;
mod offsets;
mod turn;
mod types;

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use trine_core::groups::{Heartbeat, InstanceId, Join, Leaver, MemberId, Protocol, Sync};
use trine_types::{EntityId, GroupName};

pub(crate) use convert::{join_reply, sync_reply};
pub(crate) use turn::Making;
use turn::Turn;
pub use types::{
    CommitEntry, Committed, CommittedOffsets, GroupDescription, GroupError, GroupListing, JoinReply, JoinRequest,
    JoinedMember, Leaving, MemberDescription, MemberRef, OffsetsWanted, PartitionLag, SyncReply, SyncRequest,
};

use crate::{Broker, Failure};

/// Times a command is given to the group of a name again when that group was deleted under it.
const DELETED_RETRIES: usize = 4;

/// Consumer groups.
#[derive(Clone, Copy)]
pub struct Groups<'a> {
    pub(crate) broker: &'a Broker,
}

/// What a shard answers: the machine's own error, so that a deleted group can be told from others.
pub(crate) type Answer<T> = Result<T, trine_core::groups::GroupError>;

impl Groups<'_> {
    /// The group's entity, if the group exists.
    fn known(self, name: &GroupName) -> Option<EntityId> {
        self.broker.inner.catalog.load().group(name)
    }

    async fn ensure(self, name: &GroupName) -> Result<EntityId, GroupError> {
        if let Some(entity) = self.known(name) {
            return Ok(entity);
        }
        let name = name.clone();
        self.broker.inner.call_catalog(move |shard, reply| shard.ensure_group(&name, reply)).await?
    }

    /// Runs a command on the group that has the name now; `None` when there is none and `create` does not ask for one.
    async fn on_group<T, F>(
        self,
        name: &GroupName,
        create: bool,
        command: impl Fn(EntityId) -> F,
    ) -> Result<Option<T>, GroupError>
    where
        F: Future<Output = Result<Answer<T>, Failure>>,
    {
        for _ in 0..DELETED_RETRIES {
            let mut turn = Turn::take(&self.broker.inner.making, name, || create && self.known(name).is_none());
            if let Some(turn) = &mut turn {
                turn.come().await;
            }
            let entity = match (self.known(name), create) {
                (Some(entity), _) => entity,
                (None, true) => self.ensure(name).await?,
                (None, false) => return Ok(None),
            };
            let mut answer = pin!(command(entity));
            // The first poll puts the command into the mailbox: from there on its place is settled, and the next one's turn has come.
            let at_once = poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx))).await;
            drop(turn);
            let answer = match at_once {
                Poll::Ready(answer) => answer,
                Poll::Pending => answer.await,
            };
            match answer? {
                Err(trine_core::groups::GroupError::Deleted) => {
                    // Its end is on the way to the catalogue, in front of this round.
                    self.broker.inner.round(0).await?;
                }
                answer => return Ok(Some(answer?)),
            }
        }
        Err(GroupError::Unavailable)
    }

    /// Joins; waits until the rebalance completes. Dropping the future does not leave the group.
    pub async fn join(self, request: JoinRequest) -> Result<JoinReply, GroupError> {
        let inner = &self.broker.inner;
        let prefix = request.instance_id.as_deref().unwrap_or(&request.client_id);
        // An id that a group gave cannot come from a group that is not there.
        let create = request.member_id.is_empty();
        let joined = self.on_group(&request.group, create, |entity| {
            let name = request.group.clone();
            let mut command = Join {
                waiter: trine_core::groups::Waiter(0),
                member_id: MemberId::new(&request.member_id),
                new_member_id: MemberId::generate(prefix, inner.random_id()),
                require_member_id: request.require_known_member,
                knows_skip_assignment: request.can_skip_assignment,
                instance_id: request.instance_id.as_deref().map(InstanceId::new),
                client_id: request.client_id.as_str().into(),
                client_host: request.client_host.as_str().into(),
                session_timeout_ms: request.session_timeout_ms,
                rebalance_timeout_ms: request.rebalance_timeout_ms,
                protocol_type: request.protocol_type.as_str().into(),
                protocols: request
                    .protocols
                    .iter()
                    .map(|(name, metadata)| Protocol { name: name.as_str().into(), metadata: metadata.clone() })
                    .collect(),
            };
            inner.call(entity, move |shard, reply| {
                shard.group_join(entity, &name, reply, |waiter| {
                    command.waiter = waiter;
                    command
                });
            })
        });
        joined.await?.ok_or(GroupError::UnknownMember)
    }

    /// Asks for the assignment; a follower waits for the leader.
    pub async fn sync(self, request: SyncRequest) -> Result<SyncReply, GroupError> {
        let inner = &self.broker.inner;
        let synced = self.on_group(&request.group, false, |entity| {
            let name = request.group.clone();
            let mut command = Sync {
                waiter: trine_core::groups::Waiter(0),
                member_id: MemberId::new(&request.member_id),
                instance_id: request.instance_id.as_deref().map(InstanceId::new),
                generation: request.generation,
                protocol_type: request.protocol_type.as_deref().map(Into::into),
                protocol: request.protocol.as_deref().map(Into::into),
                assignments: request.assignments.iter().map(|(id, bytes)| (MemberId::new(id), bytes.clone())).collect(),
            };
            inner.call(entity, move |shard, reply| {
                shard.group_sync(entity, &name, reply, |waiter| {
                    command.waiter = waiter;
                    command
                });
            })
        });
        synced.await?.ok_or(GroupError::UnknownMember)
    }

    /// The member is alive.
    pub async fn heartbeat(self, group: &GroupName, member: &MemberRef) -> Result<(), GroupError> {
        let inner = &self.broker.inner;
        let heard = self.on_group(group, false, |entity| {
            let name = group.clone();
            let command = Heartbeat {
                member_id: MemberId::new(&member.member_id),
                instance_id: member.instance_id.as_deref().map(InstanceId::new),
                generation: member.generation,
            };
            inner.call(entity, move |shard, reply| shard.group_heartbeat(entity, &name, &command, reply))
        });
        heard.await?.ok_or(GroupError::UnknownMember)
    }

    /// Members leave or are removed; one result each.
    pub async fn leave(
        self,
        group: &GroupName,
        members: Vec<Leaving>,
    ) -> Result<Vec<Result<(), GroupError>>, GroupError> {
        let inner = &self.broker.inner;
        let left = self.on_group(group, false, |entity| {
            let name = group.clone();
            let leavers: Vec<_> = members
                .iter()
                .map(|leaving| Leaver {
                    member_id: MemberId::new(&leaving.member_id),
                    instance_id: leaving.instance_id.as_deref().map(InstanceId::new),
                })
                .collect();
            inner.call(entity, move |shard, reply| shard.group_leave(entity, &name, &leavers, reply))
        });
        let left = left.await?.ok_or(GroupError::UnknownMember)?;
        Ok(left.into_iter().map(|one| one.map_err(GroupError::from)).collect())
    }

    /// Everything about a group; `NotFound` when nobody knows it.
    pub async fn describe(self, group: &GroupName) -> Result<GroupDescription, GroupError> {
        let inner = &self.broker.inner;
        let found = self.on_group(group, false, |entity| {
            let name = group.clone();
            inner.call(entity, move |shard, reply| shard.group_describe(entity, &name, reply))
        });
        let found = found.await?.flatten().ok_or(GroupError::NotFound)?;
        Ok(convert::description(group.clone(), found))
    }

    /// All groups by name, or those in one of `states` and of one of `types` when these are not empty. Both are compared without case; the only type is
    /// "classic".
    pub async fn list(self, states: &[String], types: &[String]) -> Result<Vec<GroupListing>, GroupError> {
        const TYPE: &str = "classic";
        if !types.is_empty() && !types.iter().any(|wanted| wanted.eq_ignore_ascii_case(TYPE)) {
            return Ok(Vec::new());
        }
        let mut all = Vec::new();
        for shard in 0..self.broker.inner.mailboxes.len() {
            let part: Vec<GroupListing> =
                self.broker.inner.call_shard(shard, |shard, reply| shard.group_list(reply)).await?;
            all.extend(part);
        }
        let wanted = |group: &GroupListing| {
            states.is_empty() || states.iter().any(|state| state.eq_ignore_ascii_case(group.state.name()))
        };
        all.retain(wanted);
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// Deletes an empty group and its commits.
    pub async fn delete(self, group: &GroupName) -> Result<(), GroupError> {
        let Some(entity) = self.known(group) else { return Err(GroupError::NotFound) };
        let name = group.clone();
        let deleted = self.broker.inner.call(entity, move |shard, reply| shard.group_delete(entity, &name, reply));
        match deleted.await? {
            // Somebody else deleted it just now.
            Err(trine_core::groups::GroupError::Deleted) => Err(GroupError::NotFound),
            answer => Ok(answer?),
        }
    }
}
