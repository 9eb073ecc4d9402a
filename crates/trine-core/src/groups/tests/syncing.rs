//! Syncs and heartbeats.

use super::*;

#[test]
fn followers_wait_for_their_leader() {
    let mut desk = Desk::stable(1);
    desk.join(who(""));
    desk.join(who("m1"));
    let follower = desk.sync("m2", 2);
    assert!(desk.is_open(follower));
    let leader = desk.sync_with("m1", 2, &[("m2", "two"), ("stranger", "x")]);
    assert_eq!(
        (desk.synced(leader).as_str(), desk.synced(follower).as_str()),
        ("", "two"),
        "unnamed members get nothing"
    );
    assert_eq!(desk.state(), GroupState::Stable);
    let expected = GroupRecord::Assigned { generation: 2, assignments: vec![(id("m2"), Bytes::from_static(b"two"))] };
    assert_eq!(desk.last(), Some(&expected));
    let again = desk.sync("m2", 2);
    assert_eq!(desk.synced(again), "two");
    assert_eq!(desk.kinds(), "GAGA", "a generation is two records: formed and assigned");
}

#[test]
fn the_answer_names_the_protocol() {
    let mut desk = Desk::stable(1);
    let waiter = desk.sync("m1", 1);
    let expected =
        SyncReply { protocol_type: text("consumer"), protocol: text(RANGE), assignment: Bytes::from_static(b"a1") };
    assert_eq!(desk.answers[&waiter], Answer::Sync(Ok(expected)));
}

#[test]
fn assignments_of_followers_are_ignored() {
    let mut desk = Desk::stable(1);
    desk.join(who(""));
    desk.join(who("m1"));
    let follower = desk.sync_with("m2", 2, &[("m2", "mine")]);
    assert!(desk.is_open(follower));
    desk.sync_with("m1", 2, &[("m2", "leader's")]);
    assert_eq!(desk.synced(follower), "leader's");
}

#[test]
fn syncs_are_checked() {
    let mut desk = Desk::new();
    let waiter = desk.sync("nobody", 0);
    assert_eq!(desk.refused(waiter), GroupError::UnknownMember);
    let mut desk = Desk::stable(2);
    let current = desk.group.generation();
    let waiter = desk.sync("nobody", current);
    assert_eq!(desk.refused(waiter), GroupError::UnknownMember);
    for sent in [current - 1, current + 1, -1] {
        let waiter = desk.sync("m1", sent);
        assert_eq!(desk.refused(waiter), GroupError::WrongGeneration { sent, current });
    }
    let command = |protocol_type: &str, protocol: &str| Sync {
        waiter: Waiter(0),
        member_id: id("m1"),
        instance_id: None,
        generation: current,
        protocol_type: Some(text(protocol_type)),
        protocol: Some(text(protocol)),
        assignments: Vec::new(),
    };
    for (kind, protocol) in [("connect", RANGE), ("consumer", STICKY)] {
        let waiter = desk.sync_command(command(kind, protocol));
        assert_eq!(desk.refused(waiter), GroupError::InconsistentProtocol);
    }
    let waiter = desk.sync_command(command("consumer", RANGE));
    assert_eq!(desk.synced(waiter), "a1");
    desk.leave(&[("m2", None)]);
    let waiter = desk.sync("m1", current);
    assert_eq!(desk.refused(waiter), GroupError::RebalanceInProgress);
}

#[test]
fn a_rebalance_sends_parked_syncs_back() {
    let mut desk = Desk::stable(1);
    desk.join(who(""));
    desk.join(who("m1"));
    let parked = desk.sync("m2", 2);
    let newcomer = desk.join(who(""));
    assert_eq!(desk.refused(parked), GroupError::RebalanceInProgress);
    assert!(desk.is_open(newcomer));
    desk.join(who("m1"));
    desk.join(who("m2"));
    assert_eq!(desk.joined(newcomer).generation, 3);
}

#[test]
fn a_repeated_sync_takes_the_place_of_the_parked_one() {
    let mut desk = Desk::stable(1);
    desk.join(who(""));
    desk.join(who("m1"));
    let (old, new) = (desk.sync("m2", 2), desk.sync("m2", 2));
    assert_eq!(desk.refused(old), GroupError::RebalanceInProgress);
    desk.sync_with("m1", 2, &[("m2", "two")]);
    assert_eq!(desk.synced(new), "two");
}

#[test]
fn who_leaves_while_its_sync_is_parked_is_told_so() {
    let mut desk = Desk::stable(1);
    desk.join(who(""));
    desk.join(who("m1"));
    let parked = desk.sync("m2", 2);
    desk.leave(&[("m2", None)]);
    assert_eq!(desk.refused(parked), GroupError::UnknownMember);
}

#[test]
fn assignments_that_no_record_could_hold_are_refused() {
    let mut desk = Desk::new();
    desk.join(who(""));
    let command = Sync {
        waiter: Waiter(0),
        member_id: id("m1"),
        instance_id: None,
        generation: 1,
        protocol_type: None,
        protocol: None,
        assignments: vec![(id("m1"), Bytes::from(vec![0; GROUP_ASSIGNMENT_BYTES_MAX]))],
    };
    let waiter = desk.sync_command(command);
    assert!(matches!(desk.refused(waiter), GroupError::TooLarge { max: GROUP_ASSIGNMENT_BYTES_MAX, .. }));
    assert_eq!(desk.state(), GroupState::CompletingRebalance);
}

#[test]
fn heartbeats_tell_where_the_group_is() {
    let mut desk = Desk::new();
    assert_eq!(desk.heartbeat("m1", 0), Err(GroupError::UnknownMember), "empty");
    desk.join(who(""));
    assert_eq!(desk.heartbeat("m1", 1), Ok(()), "completing");
    desk.settle_generation();
    assert_eq!(desk.heartbeat("m1", 1), Ok(()), "stable");
    assert_eq!(desk.heartbeat("m2", 1), Err(GroupError::UnknownMember));
    assert_eq!(desk.heartbeat("m1", 0), Err(GroupError::WrongGeneration { sent: 0, current: 1 }));
    desk.join(who(""));
    assert_eq!(desk.heartbeat("m1", 1), Err(GroupError::RebalanceInProgress), "preparing");
    assert_eq!(desk.kinds(), "GA", "heartbeats and joins are not logged");
}
