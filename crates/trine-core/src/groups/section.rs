//! A group's logged state in a checkpoint.

use std::collections::BTreeMap;

use bytes::Bytes;
use trine_types::{Timestamp, Uuid};

use super::{
    Committed, Group, MemberId,
    group::{Logged, Offsets},
    record::{read_list, read_member, write_member},
    session::Session,
};
use crate::codec::{DecodeError, Reader, Writer};

/// Version byte of the section. A reader refuses versions it does not know.
const VERSION: u8 = 1;

// Bits of the flags byte; on disk for ever.
const FLAG_ASSIGNED: u8 = 1;
const FLAG_REBALANCE_DUE: u8 = 2;
const FLAG_DELETED: u8 = 4;
const FLAG_PROTOCOL_TYPE: u8 = 8;
const FLAG_PROTOCOL: u8 = 16;
const FLAG_LEADER: u8 = 32;
const FLAG_EMPTY_SINCE: u8 = 64;

impl Group {
    /// The logged state, and nothing of the sessions.
    #[must_use]
    pub fn encode_section(&self) -> Bytes {
        let state = &self.logged;
        let mut w = Writer::new();
        w.u8(VERSION);
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        w.u8(flag(state.assigned, FLAG_ASSIGNED)
            | flag(state.rebalance_due, FLAG_REBALANCE_DUE)
            | flag(state.deleted, FLAG_DELETED)
            | flag(state.protocol_type.is_some(), FLAG_PROTOCOL_TYPE)
            | flag(state.protocol.is_some(), FLAG_PROTOCOL)
            | flag(state.leader.is_some(), FLAG_LEADER)
            | flag(state.empty_since.is_some(), FLAG_EMPTY_SINCE));
        w.i32(state.generation);
        for text in
            [state.protocol_type.as_deref(), state.protocol.as_deref(), state.leader.as_ref().map(MemberId::as_str)]
        {
            text.into_iter().for_each(|text| w.str(text));
        }
        state.empty_since.into_iter().for_each(|at| w.i64(at.0));
        w.var(state.members.len() as u64);
        for member in state.members.values() {
            write_member(&mut w, member);
            w.bytes(&member.assignment);
        }
        let offsets = self.all_committed();
        w.var(offsets.len() as u64);
        for (topic, partition, committed) in offsets {
            w.raw(&topic.0);
            w.var(u64::from(partition));
            w.u64(committed.offset);
            w.i32(committed.leader_epoch);
            w.str(&committed.metadata);
            w.i64(committed.committed_at.0);
            w.u8(u8::from(committed.expires_at.is_some()));
            committed.expires_at.into_iter().for_each(|at| w.i64(at.0));
        }
        w.finish()
    }

    /// Reads a section back; an error when the bytes are damaged or of a newer version. [`Group::recover`] starts its sessions.
    pub fn decode_section(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes, "the section of a group");
        if r.u8()? != VERSION {
            return r.fail();
        }
        let flags = r.u8()?;
        let is = |bit: u8| flags & bit != 0;
        let generation = r.i32()?;
        let protocol_type = if is(FLAG_PROTOCOL_TYPE) { Some(r.str()?.into()) } else { None };
        let protocol = if is(FLAG_PROTOCOL) { Some(r.str()?.into()) } else { None };
        let leader = if is(FLAG_LEADER) { Some(MemberId::new(r.str()?)) } else { None };
        let empty_since = if is(FLAG_EMPTY_SINCE) { Some(Timestamp(r.i64()?)) } else { None };
        let members = read_list(&mut r, |r| {
            let mut member = read_member(r)?;
            member.assignment = Bytes::copy_from_slice(r.bytes()?);
            Ok((member.id.clone(), member))
        })?;
        let offsets = read_list(&mut r, read_committed)?;
        r.end()?;
        let logged = Logged {
            generation,
            protocol_type,
            protocol,
            leader,
            members: BTreeMap::from_iter(members),
            assigned: is(FLAG_ASSIGNED),
            rebalance_due: is(FLAG_REBALANCE_DUE),
            empty_since,
            offsets: Offsets::from_iter(offsets),
            deleted: is(FLAG_DELETED),
        };
        Ok(Self { logged, session: Session::default() })
    }
}

fn read_committed(r: &mut Reader<'_>) -> Result<((Uuid, u32), Committed), DecodeError> {
    let key = (r.uuid()?, r.var_u32()?);
    let committed = Committed {
        offset: r.u64()?,
        leader_epoch: r.i32()?,
        metadata: r.str()?.into(),
        committed_at: Timestamp(r.i64()?),
        expires_at: match r.u8()? {
            0 => None,
            1 => Some(Timestamp(r.i64()?)),
            _ => return r.fail(),
        },
    };
    Ok((key, committed))
}
