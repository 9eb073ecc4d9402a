//! Heartbeat: a member is alive, and learns whether it must rejoin. It never makes a record.

use std::time::Duration;

use super::{Group, GroupError, GroupSettings, GroupState, InstanceId, MemberId, turn::Turn};

/// A sign of life.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// The member.
    pub member_id: MemberId,
    /// Its instance id when it is static and says so.
    pub instance_id: Option<InstanceId>,
    /// The generation it knows.
    pub generation: i32,
}

impl Group {
    /// A member is alive; [`GroupError::RebalanceInProgress`] tells it to rejoin, with its session renewed all the same.
    pub fn heartbeat(
        &mut self,
        settings: &GroupSettings,
        command: &Heartbeat,
        mono: Duration,
    ) -> Result<(), GroupError> {
        self.turn(settings, mono).heartbeat(command)
    }
}

impl Turn<'_> {
    fn heartbeat(&mut self, command: &Heartbeat) -> Result<(), GroupError> {
        if self.state == GroupState::Dead {
            return Err(GroupError::Deleted);
        }
        self.validate(&command.member_id, command.instance_id.as_ref())?;
        self.check_generation(command.generation)?;
        self.hear(&command.member_id);
        if self.state == GroupState::PreparingRebalance { Err(GroupError::RebalanceInProgress) } else { Ok(()) }
    }
}
