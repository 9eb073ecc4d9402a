//! The records of a group: the only thing that changes its logged state.

use std::sync::Arc;

use bytes::Bytes;
use trine_types::{Offset, Uuid};

use super::{InstanceId, Member, MemberId, Protocol};
use crate::codec::{DecodeError, Reader, Writer};

/// Version byte of every group record. A reader refuses versions it does not know.
const VERSION: u8 = 1;

// Tags are on disk for ever: a number is never given a second meaning.
const TAG_GENERATION: u8 = 1;
const TAG_EMPTIED: u8 = 2;
const TAG_ASSIGNED: u8 = 3;
const TAG_MEMBER_REPLACED: u8 = 4;
const TAG_MEMBERS_REMOVED: u8 = 5;
const TAG_OFFSETS_COMMITTED: u8 = 6;
const TAG_OFFSETS_REMOVED: u8 = 7;
const TAG_DELETED: u8 = 8;

/// One change of a group's logged state. An operation of kind [`crate::ops::GROUP`] carries one, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupRecord {
    /// A generation was formed. It replaces all members; nothing is assigned yet.
    Generation {
        /// Its number.
        generation: i32,
        /// Protocol type of all members ("consumer", "connect", …).
        protocol_type: Arc<str>,
        /// The protocol chosen.
        protocol: Arc<str>,
        /// Who assigns.
        leader: MemberId,
        /// All members; their assignments are not part of the record.
        members: Vec<Member>,
    },
    /// The last member is gone: a generation of nobody.
    Emptied {
        /// Its number.
        generation: i32,
    },
    /// The leader has assigned; members that are not named get nothing.
    Assigned {
        /// The generation it is for.
        generation: i32,
        /// Opaque assignments.
        assignments: Vec<(MemberId, Bytes)>,
    },
    /// A static member came back under a new id: it takes over assignment and leadership.
    MemberReplaced {
        /// The id it had; fenced from now on.
        old: MemberId,
        /// The member now; the assignment is not part of the record.
        member: Member,
    },
    /// Members left or were lost, and a new generation is needed.
    MembersRemoved {
        /// Their ids.
        members: Vec<MemberId>,
    },
    /// Offsets were committed, at the time of the batch.
    OffsetsCommitted {
        /// The offsets.
        offsets: Vec<CommitOffset>,
        /// Explicit time to live from the commit on, ms (OffsetCommit v2–4); none: the server's retention.
        retention_ms: Option<u64>,
    },
    /// Offsets expired or were deleted.
    OffsetsRemoved {
        /// Topic ids and partitions.
        offsets: Vec<(Uuid, u32)>,
    },
    /// The group is gone, with everything.
    Deleted,
}

/// A position to commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitOffset {
    /// The topic's id: a topic made again under the same name is another one.
    pub topic: Uuid,
    /// The partition.
    pub partition: u32,
    /// The next offset to read.
    pub offset: Offset,
    /// Leader epoch of the last record read; -1 unknown.
    pub leader_epoch: i32,
    /// Free text of the client, comes back as it is.
    pub metadata: Box<str>,
}

impl GroupRecord {
    /// The record as bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut w = Writer::new();
        w.u8(VERSION);
        match self {
            Self::Generation { generation, protocol_type, protocol, leader, members } => {
                w.u8(TAG_GENERATION);
                w.i32(*generation);
                w.str(protocol_type);
                w.str(protocol);
                w.str(leader.as_str());
                w.var(members.len() as u64);
                for member in members {
                    write_member(&mut w, member);
                }
            }
            Self::Emptied { generation } => {
                w.u8(TAG_EMPTIED);
                w.i32(*generation);
            }
            Self::Assigned { generation, assignments } => {
                w.u8(TAG_ASSIGNED);
                w.i32(*generation);
                w.var(assignments.len() as u64);
                for (member, assignment) in assignments {
                    w.str(member.as_str());
                    w.bytes(assignment);
                }
            }
            Self::MemberReplaced { old, member } => {
                w.u8(TAG_MEMBER_REPLACED);
                w.str(old.as_str());
                write_member(&mut w, member);
            }
            Self::MembersRemoved { members } => {
                w.u8(TAG_MEMBERS_REMOVED);
                w.var(members.len() as u64);
                for member in members {
                    w.str(member.as_str());
                }
            }
            Self::OffsetsCommitted { offsets, retention_ms } => {
                w.u8(TAG_OFFSETS_COMMITTED);
                w.u8(u8::from(retention_ms.is_some()));
                if let Some(ms) = retention_ms {
                    w.var(*ms);
                }
                w.var(offsets.len() as u64);
                for commit in offsets {
                    w.raw(&commit.topic.0);
                    w.var(u64::from(commit.partition));
                    w.u64(commit.offset);
                    w.i32(commit.leader_epoch);
                    w.str(&commit.metadata);
                }
            }
            Self::OffsetsRemoved { offsets } => {
                w.u8(TAG_OFFSETS_REMOVED);
                w.var(offsets.len() as u64);
                for (topic, partition) in offsets {
                    w.raw(&topic.0);
                    w.var(u64::from(*partition));
                }
            }
            Self::Deleted => w.u8(TAG_DELETED),
        }
        w.finish()
    }

    /// Reads a record back; an error when the bytes are damaged or of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes, "a group record");
        if r.u8()? != VERSION {
            return r.fail();
        }
        let record = match r.u8()? {
            TAG_GENERATION => Self::Generation {
                generation: r.i32()?,
                protocol_type: r.str()?.into(),
                protocol: r.str()?.into(),
                leader: MemberId::new(r.str()?),
                members: read_list(&mut r, read_member)?,
            },
            TAG_EMPTIED => Self::Emptied { generation: r.i32()? },
            TAG_ASSIGNED => Self::Assigned {
                generation: r.i32()?,
                assignments: read_list(&mut r, |r| Ok((MemberId::new(r.str()?), Bytes::copy_from_slice(r.bytes()?))))?,
            },
            TAG_MEMBER_REPLACED => Self::MemberReplaced { old: MemberId::new(r.str()?), member: read_member(&mut r)? },
            TAG_MEMBERS_REMOVED => {
                Self::MembersRemoved { members: read_list(&mut r, |r| Ok(MemberId::new(r.str()?)))? }
            }
            TAG_OFFSETS_COMMITTED => Self::OffsetsCommitted {
                retention_ms: match r.u8()? {
                    0 => None,
                    1 => Some(r.var()?),
                    _ => return r.fail(),
                },
                offsets: read_list(&mut r, |r| {
                    Ok(CommitOffset {
                        topic: r.uuid()?,
                        partition: r.var_u32()?,
                        offset: r.u64()?,
                        leader_epoch: r.i32()?,
                        metadata: r.str()?.into(),
                    })
                })?,
            },
            TAG_OFFSETS_REMOVED => {
                Self::OffsetsRemoved { offsets: read_list(&mut r, |r| Ok((r.uuid()?, r.var_u32()?)))? }
            }
            TAG_DELETED => Self::Deleted,
            _ => return r.fail(),
        };
        r.end()?;
        Ok(record)
    }
}

/// Writes a member without its assignment.
pub(super) fn write_member(w: &mut Writer, member: &Member) {
    w.str(member.id.as_str());
    w.u8(u8::from(member.is_static()));
    if let Some(instance) = &member.instance_id {
        w.str(instance.as_str());
    }
    w.str(&member.client_id);
    w.str(&member.client_host);
    w.var(u64::from(member.session_timeout_ms));
    w.var(u64::from(member.rebalance_timeout_ms));
    w.var(member.protocols.len() as u64);
    for protocol in member.protocols.iter() {
        w.str(&protocol.name);
        w.bytes(&protocol.metadata);
    }
}

/// Reads a member with an empty assignment.
pub(super) fn read_member(r: &mut Reader<'_>) -> Result<Member, DecodeError> {
    Ok(Member {
        id: MemberId::new(r.str()?),
        instance_id: match r.u8()? {
            0 => None,
            1 => Some(InstanceId::new(r.str()?)),
            _ => return r.fail(),
        },
        client_id: r.str()?.into(),
        client_host: r.str()?.into(),
        session_timeout_ms: r.var_u32()?,
        rebalance_timeout_ms: r.var_u32()?,
        protocols: read_list(r, |r| {
            Ok(Protocol { name: r.str()?.into(), metadata: Bytes::copy_from_slice(r.bytes()?) })
        })?
        .into(),
        assignment: Bytes::new(),
    })
}

/// Reads a count and so many items; the count reserves nothing.
pub(super) fn read_list<'a, T>(
    r: &mut Reader<'a>,
    mut item: impl FnMut(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let count = r.count()?;
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(item(r)?);
    }
    Ok(items)
}
