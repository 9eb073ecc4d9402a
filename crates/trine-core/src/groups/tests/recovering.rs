//! Restarts in the middle of everything. Only the log is left; parked clients come back and ask again.

use super::*;

#[test]
fn a_stable_group_goes_on_without_a_rebalance() {
    let mut desk = Desk::stable(2);
    let generation = desk.group.generation();
    desk.pass(9_000);
    desk.restart();
    assert_eq!(desk.state(), GroupState::Stable);
    desk.pass(9_999);
    assert_eq!(desk.heartbeat("m1", generation), Ok(()), "a full session timeout after the restart");
    assert_eq!(desk.commit("m2", generation, vec![position(1, 0, 5)]), Ok(vec![Ok(())]));
    let waiter = desk.sync("m2", generation);
    assert_eq!(desk.synced(waiter), "a2");
    let waiter = desk.join(who("m2"));
    assert_eq!(desk.joined(waiter).generation, generation, "unchanged followers just go on");
    desk.pass(10_000);
    assert_eq!(desk.state(), GroupState::Empty, "and who is silent is lost as ever");
}

#[test]
fn static_members_are_known_after_a_restart() {
    let mut desk = Desk::new();
    desk.join(fixed("i1", ""));
    desk.settle_generation();
    desk.join_as(fixed("i1", ""), "back");
    desk.restart();
    let waiter = desk.join(fixed("i1", "m1"));
    assert_eq!(desk.refused(waiter), GroupError::FencedInstance);
    let waiter = desk.join_as(Who { knows_skip: true, ..fixed("i1", "") }, "again");
    let reply = desk.joined(waiter);
    assert_eq!((reply.member_id.as_str(), reply.generation, reply.skip_assignment), ("again", 1, true));
    let waiter = desk.sync("again", 1);
    assert_eq!(desk.synced(waiter), "a1");
}

#[test]
fn before_the_first_generation_nothing_is_left() {
    let mut desk = Desk::with(GroupSettings::default());
    desk.join(who(""));
    desk.restart();
    assert!(desk.group.is_vacant());
    let waiter = desk.join(who("m1"));
    assert_eq!(desk.refused(waiter), GroupError::UnknownMember, "it starts again");
}

#[test]
fn while_members_join_the_last_generation_stands() {
    let mut desk = Desk::stable(2);
    let generation = desk.group.generation();
    desk.join(who("m1"));
    desk.join(who(""));
    desk.restart();
    assert_eq!(desk.state(), GroupState::Stable);
    assert_eq!(desk.heartbeat("m2", generation), Ok(()));
    // The leader asks again, and so does the newcomer: it had no id yet.
    let leader = desk.join(who("m1"));
    let newcomer = desk.join(who(""));
    desk.join(who("m2"));
    assert_eq!((desk.joined(leader).generation, desk.joined(newcomer).generation), (generation + 1, generation + 1));
}

#[test]
fn a_generation_that_lost_a_member_is_formed_anew() {
    let mut desk = Desk::stable(3);
    let generation = desk.group.generation();
    desk.leave(&[("m3", None)]);
    desk.restart();
    assert_eq!(desk.state(), GroupState::PreparingRebalance, "or what the lost one read would be read by nobody");
    assert_eq!(desk.heartbeat("m1", generation), Err(GroupError::RebalanceInProgress));
    assert_eq!(desk.commit("m2", generation, vec![position(1, 0, 5)]), Ok(vec![Ok(())]));
    let first = desk.join(who("m1"));
    desk.join(who("m2"));
    assert_eq!(desk.joined(first).members.len(), 2);
    desk.settle_generation();
    desk.restart();
    assert_eq!(desk.state(), GroupState::Stable);
}

#[test]
fn a_recovered_rebalance_ends_in_time() {
    let mut desk = Desk::stable(2);
    let generation = desk.group.generation();
    desk.join(who(""));
    desk.leave(&[("m2", None)]);
    desk.restart();
    let newcomer = desk.join(who(""));
    for _ in 0..6 {
        desk.pass(9_000);
        assert_eq!(desk.heartbeat("m1", generation), Err(GroupError::RebalanceInProgress));
    }
    desk.pass(5_999);
    assert!(desk.is_open(newcomer));
    desk.pass(1);
    assert_eq!(desk.joined(newcomer).members.len(), 1);
}

#[test]
fn a_generation_not_assigned_yet_waits_for_its_leader() {
    let mut desk = Desk::stable(1);
    desk.join(who(""));
    desk.join(who("m1"));
    desk.sync("m2", 2);
    desk.restart();
    assert_eq!((desk.state(), desk.group.generation()), (GroupState::CompletingRebalance, 2));
    let follower = desk.sync("m2", 2);
    let leader = desk.join(who("m1"));
    assert_eq!(desk.joined(leader).members.len(), 2, "it may ask for the members again");
    desk.sync_with("m1", 2, &[("m2", "two")]);
    assert_eq!(desk.synced(follower), "two");
}

#[test]
fn a_generation_not_assigned_yet_does_not_wait_for_ever() {
    let mut desk = Desk::stable(1);
    desk.join(who(""));
    desk.join(who("m1"));
    desk.restart();
    let follower = desk.sync("m2", 2);
    for _ in 0..6 {
        desk.pass(9_000);
        desk.heartbeat("m1", 2).unwrap();
    }
    desk.pass(6_000);
    assert_eq!(desk.refused(follower), GroupError::RebalanceInProgress);
    assert_eq!(desk.members(), ["m2"], "the leader never synced");
}

#[test]
fn a_generation_whose_member_was_replaced_before_it_was_assigned_is_formed_anew() {
    let mut desk = Desk::new();
    desk.join(who(""));
    desk.join(fixed("i", ""));
    desk.join(who("m1"));
    assert_eq!(desk.state(), GroupState::CompletingRebalance);
    desk.join_as(fixed("i", ""), "back");
    desk.restart();
    // The leader has assigned to the old id, and does not know that it is gone.
    let leader = desk.sync_with("m1", 2, &[("m2", "two")]);
    assert_eq!(desk.refused(leader), GroupError::RebalanceInProgress);
    let leader = desk.join(who("m1"));
    desk.join(fixed("i", "back"));
    assert_eq!(desk.joined(leader).members.len(), 2);
    desk.settle_generation();
    // Once assigned, a replacement is nothing to worry about.
    desk.join_as(fixed("i", ""), "again");
    desk.restart();
    assert_eq!(desk.state(), GroupState::Stable);
}

#[test]
fn offsets_and_emptiness_are_remembered() {
    let mut desk = Desk::stable(1);
    desk.commit("m1", 1, vec![position(1, 0, 5)]).unwrap();
    desk.leave(&[("m1", None)]);
    desk.restart();
    assert_eq!((desk.state(), desk.group.generation()), (GroupState::Empty, 2));
    assert_eq!(desk.group.next_deadline(), None);
    desk.pass_messages(7 * 24 * 3_600_000 - 1);
    assert_eq!(desk.group.committed(topic(1), 0).map(|c| c.offset), Some(5));
    desk.pass_messages(1);
    desk.restart();
    assert_eq!(desk.state(), GroupState::Dead);
}

#[test]
fn a_server_that_stops_answers_everybody() {
    let mut desk = Desk::stable(1);
    desk.join(who(""));
    desk.join(who("m1"));
    let sync = desk.sync("m2", 2);
    let outcome = desk.group.abandon(desk.mono);
    desk.settle(outcome);
    assert_eq!(desk.refused(sync), GroupError::Unavailable);
    let mut desk = Desk::stable(2);
    let join = desk.join(who("m1"));
    let outcome = desk.group.abandon(desk.mono);
    desk.settle(outcome);
    assert_eq!(desk.refused(join), GroupError::Unavailable);
    assert_eq!(desk.state(), GroupState::Stable);
}

#[test]
fn an_outcome_that_could_not_be_stored_is_taken_back() {
    let mut desk = Desk::stable(2);
    let generation = desk.group.generation();
    let first = desk.join(who("m1"));
    let second = desk.waiter("join");
    let command = Join {
        waiter: second,
        member_id: id("m2"),
        new_member_id: id("unused"),
        require_member_id: true,
        knows_skip_assignment: true,
        instance_id: None,
        client_id: text("client"),
        client_host: text("/h"),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: -1,
        protocol_type: text("consumer"),
        protocols: vec![Protocol { name: text(RANGE), metadata: subscription(&["t"]) }],
    };
    let outcome = desk.group.join(&desk.settings, command, desk.mono);
    assert_eq!((outcome.records.len(), outcome.effects.len()), (1, 2));
    let outcome = desk.group.take_back(outcome, desk.mono);
    desk.settle(outcome);
    assert_eq!((desk.refused(first), desk.refused(second)), (GroupError::Unavailable, GroupError::Unavailable));
    assert_eq!((desk.state(), desk.group.generation()), (GroupState::Stable, generation));
    assert_eq!(desk.heartbeat("m1", generation), Ok(()));
    // They try again.
    let first = desk.join(who("m1"));
    desk.join(who("m2"));
    assert_eq!(desk.joined(first).generation, generation + 1);
}
