//! Static members (KIP-345).

use super::*;

/// A stable group of static members "i1" (leader, id "m1") and "i2" (id "m2").
fn stable() -> Desk {
    let mut desk = Desk::new();
    desk.join(fixed("i1", ""));
    desk.join(fixed("i2", ""));
    desk.settle_generation();
    desk
}

fn heartbeat_as(desk: &mut Desk, member: &str, instance: &str) -> Result<(), GroupError> {
    let command = Heartbeat {
        member_id: id(member),
        instance_id: Some(InstanceId::new(instance)),
        generation: desk.group.generation(),
    };
    desk.group.heartbeat(&desk.settings, &command, desk.mono)
}

#[test]
fn a_returning_member_gets_a_new_id_and_nobody_else_notices() {
    let mut desk = stable();
    let generation = desk.group.generation();
    let waiter = desk.join_as(fixed("i2", ""), "back");
    let reply = desk.joined(waiter);
    assert_eq!((reply.member_id.as_str(), reply.generation, reply.leader.as_str()), ("back", generation, "m1"));
    assert_eq!((reply.members.len(), reply.skip_assignment), (0, false));
    assert_eq!((desk.state(), desk.members()), (GroupState::Stable, vec!["back", "m1"]));
    assert!(matches!(desk.last(), Some(GroupRecord::MemberReplaced { old, .. }) if *old == id("m2")));
    let waiter = desk.sync("back", generation);
    assert_eq!(desk.synced(waiter), "a2", "it keeps its assignment");
    assert_eq!(heartbeat_as(&mut desk, "back", "i2"), Ok(()));
}

#[test]
fn the_old_id_is_fenced_on_any_call() {
    let mut desk = stable();
    let generation = desk.group.generation();
    desk.join_as(fixed("i2", ""), "back");
    assert_eq!(heartbeat_as(&mut desk, "m2", "i2"), Err(GroupError::FencedInstance));
    let waiter = desk.join(fixed("i2", "m2"));
    assert_eq!(desk.refused(waiter), GroupError::FencedInstance);
    let instance_id = Some(InstanceId::new("i2"));
    let waiter = desk.sync_command(Sync {
        waiter: Waiter(0),
        member_id: id("m2"),
        instance_id: instance_id.clone(),
        generation,
        protocol_type: None,
        protocol: None,
        assignments: Vec::new(),
    });
    assert_eq!(desk.refused(waiter), GroupError::FencedInstance);
    let offsets = vec![position(1, 0, 5)];
    let commit = Commit { member_id: id("m2"), instance_id, generation, offsets, retention_ms: None };
    assert_eq!(desk.commit_command(commit), Err(GroupError::FencedInstance));
    assert_eq!(desk.leave(&[("m2", Some("i2"))]), [Err(GroupError::FencedInstance)]);
    assert_eq!(
        desk.heartbeat("m2", generation),
        Err(GroupError::UnknownMember),
        "without the instance id: just unknown"
    );
    assert_eq!(desk.leave(&[("x", Some("i9"))]), [Err(GroupError::UnknownMember)]);
}

#[test]
fn a_returning_leader_need_not_assign_again() {
    let mut desk = stable();
    let waiter = desk.join_as(Who { knows_skip: true, ..fixed("i1", "") }, "back");
    let reply = desk.joined(waiter);
    assert_eq!((reply.leader.as_str(), reply.skip_assignment), ("back", true));
    let ids: Vec<_> = reply.members.iter().map(|m| m.member_id.as_str()).collect();
    assert_eq!(ids.len(), 2);
    assert!(ids.contains(&"back") && ids.contains(&"m2"));
    assert_eq!((desk.state(), desk.group.logged.leader.clone()), (GroupState::Stable, Some(id("back"))));
}

#[test]
fn a_returning_leader_of_an_older_client_is_told_that_it_follows() {
    let mut desk = stable();
    let waiter = desk.join_as(fixed("i1", ""), "back");
    let reply = desk.joined(waiter);
    assert_eq!((reply.leader.as_str(), reply.skip_assignment, reply.members.len()), ("m1", false, 0));
    let waiter = desk.sync("back", desk.group.generation());
    assert_eq!(desk.synced(waiter), "a1");
    // The group knows better: when it joins again with its id, it leads.
    let waiter = desk.join(fixed("i1", "back"));
    desk.join(fixed("i2", "m2"));
    assert_eq!(desk.joined(waiter).leader, id("back"));
}

#[test]
fn a_returning_member_that_changes_the_protocol_forces_a_rebalance() {
    let mut desk = Desk::new();
    desk.join(fixed("i1", "").protocols(&[RANGE, STICKY]));
    desk.settle_generation();
    let waiter = desk.join_as(fixed("i1", "").protocols(&[STICKY, RANGE]), "back");
    let reply = desk.joined(waiter);
    assert_eq!((reply.generation, &*reply.protocol, reply.leader.as_str()), (2, STICKY, "back"));
    assert_eq!(desk.members(), ["back"]);
    assert_eq!(desk.kinds(), "GAG", "the generation says it all");

    desk.settle_generation();
    let other = desk.join(fixed("i2", "").protocols(&[STICKY, RANGE]));
    desk.join(fixed("i1", "back").protocols(&[STICKY, RANGE]));
    let reply = desk.joined(other);
    desk.settle_generation();
    // Its vote alone decides nothing now; still no rebalance.
    let waiter = desk.join_as(fixed("i2", "").protocols(&[RANGE, STICKY]), "again");
    assert_eq!(desk.joined(waiter).generation, reply.generation);
    assert_eq!(desk.state(), GroupState::Stable);
}

#[test]
fn while_the_leader_assigns_a_returning_member_forces_a_rebalance() {
    let mut desk = Desk::new();
    desk.join(fixed("i1", ""));
    desk.join(fixed("i2", ""));
    desk.join(fixed("i1", "m1"));
    assert_eq!(desk.state(), GroupState::CompletingRebalance);
    let parked = desk.sync("m2", 2);
    let waiter = desk.join_as(fixed("i2", ""), "back");
    assert_eq!(desk.refused(parked), GroupError::FencedInstance);
    assert!(desk.is_open(waiter));
    assert!(matches!(desk.last(), Some(GroupRecord::MemberReplaced { .. })));
    desk.join(fixed("i1", "m1"));
    assert_eq!(desk.joined(waiter).generation, 3);
    assert_eq!(desk.members(), ["back", "m1"]);
}

#[test]
fn a_parked_join_is_fenced_by_its_successor() {
    let mut desk = stable();
    let parked = desk.join(fixed("i1", "m1"));
    let waiter = desk.join_as(fixed("i1", ""), "back");
    assert_eq!(desk.refused(parked), GroupError::FencedInstance);
    desk.join(fixed("i2", "m2"));
    let reply = desk.joined(waiter);
    assert_eq!((reply.member_id.as_str(), reply.leader.as_str()), ("back", "back"), "leadership goes with it");

    // The same for one that was never in a generation.
    let mut desk = Desk::with(GroupSettings::default());
    let parked = desk.join(fixed("i1", ""));
    let waiter = desk.join_as(fixed("i1", ""), "back");
    assert_eq!(desk.refused(parked), GroupError::FencedInstance);
    desk.pass(6_000);
    assert_eq!(desk.joined(waiter).member_id, id("back"));
    assert_eq!(desk.members(), ["back"]);
}

#[test]
fn static_members_that_stay_away_are_kept_until_their_session_ends() {
    let mut desk = Desk::new();
    desk.join(Who { rebalance_ms: 6_000, ..who("") });
    desk.join(Who { rebalance_ms: 6_000, session_ms: 30_000, ..fixed("i", "") });
    desk.join(Who { rebalance_ms: 6_000, ..who("m1") });
    desk.settle_generation();
    let first = desk.join(Who { rebalance_ms: 6_000, ..who("m1") });
    assert!(desk.is_open(first));
    desk.pass(6_000);
    let reply = desk.joined(first);
    assert_eq!((reply.generation, reply.members.len()), (3, 2), "it is still a member, with what it last said");
    desk.settle_generation_without("m2");
    for _ in 0..5 {
        desk.pass(4_000);
        desk.heartbeat("m1", 3).unwrap();
    }
    assert_eq!(desk.members(), ["m1", "m2"], "not lost for not syncing");
    desk.pass(4_000);
    assert_eq!(desk.members(), ["m1"], "30 s after it was last heard");
    assert_eq!(desk.heartbeat("m1", 3), Err(GroupError::RebalanceInProgress));
}

#[test]
fn waiting_goes_on_when_only_absent_static_members_are_left() {
    let mut desk = stable();
    let generation = desk.group.generation();
    desk.join_as(who(""), "short");
    assert_eq!(desk.leave(&[("short", None)]), [Ok(())]);
    assert_eq!(desk.state(), GroupState::PreparingRebalance);
    for _ in 0..9 {
        desk.pass(9_000);
        assert_eq!(desk.heartbeat("m1", generation), Err(GroupError::RebalanceInProgress));
        assert_eq!(desk.heartbeat("m2", generation), Err(GroupError::RebalanceInProgress));
    }
    assert_eq!((desk.state(), desk.group.generation()), (GroupState::PreparingRebalance, generation));
    desk.pass(10_000);
    assert_eq!((desk.state(), desk.group.generation()), (GroupState::Empty, generation + 1));
}

#[test]
fn operators_remove_static_members_by_their_instance_id() {
    let mut desk = stable();
    assert_eq!(
        desk.leave(&[("", Some("i2")), ("", Some("i9")), ("", None)]),
        [Ok(()), Err(GroupError::UnknownMember), Err(GroupError::UnknownMember)]
    );
    assert_eq!(desk.members(), ["m1"]);
    assert_eq!(desk.state(), GroupState::PreparingRebalance);
}

#[test]
fn a_full_group_still_takes_returning_members() {
    let mut desk = stable();
    desk.settings.members_max = 2;
    let waiter = desk.join_as(fixed("i2", ""), "back");
    assert_eq!(desk.joined(waiter).member_id, id("back"));
    let waiter = desk.join(fixed("i3", ""));
    assert_eq!(desk.refused(waiter), GroupError::Full { max: 2 });
}

impl Desk {
    /// Like `settle_generation`, but one member never syncs.
    fn settle_generation_without(&mut self, absent: &str) {
        let generation = self.group.generation();
        let leader = self.group.logged.leader.clone().unwrap();
        self.sync(leader.as_str(), generation);
        let others: Vec<String> = self.members().iter().map(|m| (*m).to_owned()).collect();
        for member in others.iter().filter(|m| **m != leader.as_str() && *m != absent) {
            self.sync(member, generation);
        }
        assert_eq!(self.state(), GroupState::Stable);
    }
}
