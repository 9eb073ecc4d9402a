//! Leave: members go, or an operator sends static members away.

use std::time::Duration;

use super::{Group, GroupError, GroupSettings, GroupState, InstanceId, MemberId, Outcome, turn::Turn};

/// Who leaves: a member by its id, or, with an empty id, whoever has the instance id.
#[derive(Clone, Debug)]
pub struct Leaver {
    /// The member's id, or empty.
    pub member_id: MemberId,
    /// Its instance id when it is static.
    pub instance_id: Option<InstanceId>,
}

impl Group {
    /// Members leave. The answers are in the order of the leavers.
    pub fn leave(
        &mut self,
        settings: &GroupSettings,
        leavers: &[Leaver],
        mono: Duration,
    ) -> Outcome<Result<Vec<Result<(), GroupError>>, GroupError>> {
        let mut turn = self.turn(settings, mono);
        if turn.state == GroupState::Dead {
            return turn.finish(Err(GroupError::Deleted));
        }
        let mut left = false;
        let mut replies = Vec::with_capacity(leavers.len());
        for leaver in leavers {
            let reply = turn.leave(leaver);
            left |= matches!(reply, Ok(true));
            replies.push(reply.map(|_| ()));
        }
        if left {
            turn.rebalance(None);
        } else {
            // A promised id that is given back may have been the last thing waited for.
            turn.form_if_complete();
        }
        turn.finish(Ok(replies))
    }
}

impl Turn<'_> {
    /// Whether the leaver was a member, not just promised an id.
    fn leave(&mut self, leaver: &Leaver) -> Result<bool, GroupError> {
        if self.session.pending.remove(&leaver.member_id).is_some() {
            return Ok(false);
        }
        let id = if leaver.member_id.is_empty() {
            let named = leaver.instance_id.as_ref().and_then(|instance| self.instance(instance));
            named.ok_or(GroupError::UnknownMember)?
        } else {
            self.validate(&leaver.member_id, leaver.instance_id.as_ref())?.id.clone()
        };
        self.remove(&id, &GroupError::UnknownMember);
        Ok(true)
    }
}
