//! Time: the initial delay, rebalance and session timeouts.

use super::*;

#[test]
fn an_empty_group_waits_for_more_members() {
    let mut desk = Desk::with(GroupSettings::default());
    let first = desk.join(who(""));
    desk.pass(2_999);
    assert!(desk.is_open(first));
    desk.pass(1);
    assert_eq!(desk.joined(first).generation, 1);
}

#[test]
fn each_further_member_extends_the_delay_up_to_the_rebalance_timeout() {
    let mut desk = Desk::with(GroupSettings::default());
    let first = desk.join(Who { rebalance_ms: 7_000, ..who("") });
    desk.pass(2_000);
    desk.join(Who { rebalance_ms: 7_000, ..who("") });
    desk.pass(1_000); // 3 s: extended to 6 s
    desk.pass(2_000);
    desk.join(Who { rebalance_ms: 7_000, ..who("") });
    desk.pass(1_000); // 6 s: 1 s is left
    assert!(desk.is_open(first));
    desk.join(Who { rebalance_ms: 7_000, ..who("") });
    desk.pass(999);
    assert!(desk.is_open(first));
    desk.pass(1);
    assert_eq!(desk.joined(first).members.len(), 4);
    assert_eq!(desk.kinds(), "G");
}

#[test]
fn rejoining_during_the_delay_does_not_extend_it() {
    let mut desk = Desk::with(GroupSettings::default());
    desk.join(who(""));
    desk.pass(2_000);
    let again = desk.join(who("m1"));
    desk.pass(1_000);
    assert_eq!(desk.joined(again).generation, 1);
}

#[test]
fn members_that_do_not_rejoin_in_time_are_dropped() {
    let mut desk = Desk::stable(3);
    let generation = desk.group.generation();
    let first = desk.join(who("m1"));
    let third = desk.join(Who { rebalance_ms: 30_000, ..who("m3") });
    // The longest any member wants to be waited for: 60 s. Heartbeats keep the late one's session.
    for _ in 0..8 {
        desk.pass(7_000);
        assert_eq!(desk.heartbeat("m2", generation), Err(GroupError::RebalanceInProgress));
    }
    desk.pass(3_999);
    assert!(desk.is_open(first) && desk.is_open(third));
    desk.pass(1);
    assert_eq!(desk.joined(first).members.len(), 2);
    assert_eq!(desk.members(), ["m1", "m3"]);
    assert_eq!(desk.heartbeat("m2", generation + 1), Err(GroupError::UnknownMember));
}

#[test]
fn silent_members_are_lost() {
    let mut desk = Desk::stable(2);
    let generation = desk.group.generation();
    desk.pass(9_999);
    desk.heartbeat("m1", generation).unwrap();
    assert_eq!(desk.members(), ["m1", "m2"]);
    desk.pass(1);
    assert_eq!(desk.members(), ["m1"]);
    assert_eq!(desk.last(), Some(&GroupRecord::MembersRemoved { members: vec![id("m2")] }));
    assert_eq!(desk.heartbeat("m1", generation), Err(GroupError::RebalanceInProgress));
    desk.pass(9_999);
    assert_eq!(desk.members(), ["m1"]);
    desk.pass(1);
    assert_eq!(desk.state(), GroupState::Empty, "nobody came back");
    assert_eq!(desk.last(), Some(&GroupRecord::Emptied { generation: generation + 1 }));
    assert_eq!(desk.group.next_deadline(), None);
}

#[test]
fn members_lost_during_a_rebalance_are_not_waited_for() {
    let mut desk = Desk::stable(3);
    let generation = desk.group.generation();
    desk.pass(5_000);
    desk.heartbeat("m1", generation).unwrap();
    desk.heartbeat("m3", generation).unwrap();
    let first = desk.join(who("m1"));
    let third = desk.join(who("m3"));
    desk.pass(4_999);
    assert!(desk.is_open(first));
    desk.pass(1);
    assert_eq!(desk.joined(first).members.len(), 2, "the silent one is lost, so all have joined");
    assert_eq!(desk.joined(third).generation, generation + 1);
}

#[test]
fn parked_members_need_no_heartbeats() {
    let mut desk = Desk::stable(2);
    let generation = desk.group.generation();
    let first = desk.join(who("m1"));
    for _ in 0..5 {
        desk.pass(9_000);
        assert_eq!(desk.heartbeat("m2", generation), Err(GroupError::RebalanceInProgress));
    }
    assert!(desk.is_open(first), "45 s of silence");
    desk.join(who("m2"));
    assert_eq!(desk.joined(first).generation, generation + 1);
    let second = desk.sync("m2", generation + 1);
    for _ in 0..5 {
        desk.pass(9_000);
        desk.heartbeat("m1", generation + 1).unwrap();
    }
    assert!(desk.is_open(second));
    desk.sync("m1", generation + 1);
    assert_eq!(desk.synced(second), "");
    // The session starts when the answer is given.
    desk.pass(9_999);
    assert_eq!(desk.members(), ["m1", "m2"]);
    desk.pass(1);
    assert_eq!(desk.state(), GroupState::Empty);
}

#[test]
fn newcomers_are_not_kept_parked_for_ever() {
    let mut desk = Desk::stable(1);
    let generation = desk.group.generation();
    let newcomer = desk.join(Who { rebalance_ms: 1_000_000, ..who("") });
    for _ in 0..30 {
        desk.pass(9_999);
        desk.heartbeat("m1", generation).unwrap_err();
    }
    assert!(desk.is_open(newcomer));
    desk.pass(30);
    assert_eq!(desk.refused(newcomer), GroupError::UnknownMember, "300 s: does anybody still listen?");
    assert_eq!(desk.state(), GroupState::PreparingRebalance);
    let first = desk.join(who("m1"));
    assert_eq!(desk.joined(first).members.len(), 1);
}

#[test]
fn members_that_never_sync_are_removed() {
    let mut desk = Desk::stable(2);
    desk.join(who("m1"));
    desk.join(who("m2"));
    let generation = desk.group.generation();
    let leader = desk.sync("m1", generation);
    assert_eq!(desk.synced(leader), "");
    assert_eq!(desk.state(), GroupState::Stable);
    for _ in 0..6 {
        desk.pass(9_000);
        desk.heartbeat("m1", generation).unwrap();
        desk.heartbeat("m2", generation).unwrap();
    }
    desk.pass(5_999);
    assert_eq!(desk.members(), ["m1", "m2"]);
    desk.pass(1);
    assert_eq!((desk.members(), desk.state()), (vec!["m1"], GroupState::PreparingRebalance));
}

#[test]
fn a_leader_that_never_syncs_is_removed() {
    let mut desk = Desk::stable(2);
    desk.join(who("m1"));
    desk.join(who("m2"));
    let generation = desk.group.generation();
    let parked = desk.sync("m2", generation);
    for _ in 0..6 {
        desk.pass(9_000);
        desk.heartbeat("m1", generation).unwrap();
    }
    desk.pass(6_000);
    assert_eq!(desk.refused(parked), GroupError::RebalanceInProgress);
    let waiter = desk.join(who("m2"));
    assert_eq!(desk.joined(waiter).leader, id("m2"));
}

#[test]
fn once_all_have_synced_nobody_is_removed_for_it() {
    let mut desk = Desk::stable(2);
    let generation = desk.group.generation();
    for _ in 0..20 {
        desk.pass(9_000);
        desk.heartbeat("m1", generation).unwrap();
        desk.heartbeat("m2", generation).unwrap();
    }
    assert_eq!((desk.state(), desk.group.generation()), (GroupState::Stable, generation));
    assert_eq!(desk.group.session.sync_until, None);
}

#[test]
fn a_group_is_not_woken_for_nothing() {
    let mut desk = Desk::stable(1);
    let outcome = desk.group.on_time(&desk.settings, desk.mono);
    assert_eq!(outcome, Outcome { reply: (), records: vec![], effects: vec![] });
    assert_eq!(desk.group.next_deadline(), Some(desk.mono + Duration::from_secs(10)));
}

#[test]
fn a_newcomer_goes_on_when_all_old_members_are_lost() {
    let mut desk = Desk::stable(1);
    let newcomer = desk.join(who(""));
    desk.join(Who { require_id: true, session_ms: 30_000, ..who("") });
    desk.pass(10_000);
    assert!(desk.is_open(newcomer), "somebody with a promised id is waited for");
    assert_eq!((desk.members().len(), desk.state()), (0, GroupState::PreparingRebalance));
    desk.pass(20_000);
    let reply = desk.joined(newcomer);
    assert_eq!((reply.generation, &*reply.protocol_type, reply.leader.as_str()), (2, "consumer", "m2"));
    assert_eq!(desk.kinds(), "GALG");
}
