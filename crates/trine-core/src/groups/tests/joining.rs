//! Joins: ids, checks, forming generations.

use super::*;

#[test]
fn the_first_member_forms_a_generation_and_leads_it() {
    let mut desk = Desk::new();
    let waiter = desk.join(who(""));
    let reply = desk.joined(waiter);
    assert_eq!((reply.generation, reply.member_id.as_str(), reply.leader.as_str()), (1, "m1", "m1"));
    assert_eq!((&*reply.protocol_type, &*reply.protocol, reply.skip_assignment), ("consumer", RANGE, false));
    let member = JoinedMember { member_id: id("m1"), instance_id: None, metadata: subscription(&["t"]) };
    assert_eq!(reply.members, [member]);
    assert_eq!(desk.state(), GroupState::CompletingRebalance);
    assert_eq!(desk.kinds(), "G");
}

#[test]
fn modern_clients_are_given_an_id_first() {
    let mut desk = Desk::new();
    let waiter = desk.join(Who { require_id: true, ..who("") });
    assert_eq!(desk.refused(waiter), GroupError::MemberIdRequired { member_id: id("m1") });
    assert_eq!((desk.state(), desk.group.is_vacant()), (GroupState::Empty, false), "somebody is expected");
    let waiter = desk.join(Who { require_id: true, ..who("m1") });
    assert_eq!(desk.joined(waiter).member_id, id("m1"));
    assert!(desk.group.session.pending.is_empty());
}

#[test]
fn static_members_and_old_clients_join_at_once() {
    let mut desk = Desk::new();
    let waiter = desk.join(Who { require_id: true, ..fixed("i", "") });
    assert_eq!(desk.joined(waiter).member_id, id("m1"));
}

#[test]
fn a_promised_id_is_only_good_for_a_session_timeout_and_for_a_dynamic_member() {
    let mut desk = Desk::new();
    desk.join(Who { require_id: true, ..who("") });
    let waiter = desk.join(fixed("i", "m1"));
    assert_eq!(desk.refused(waiter), GroupError::UnknownMember);
    desk.pass(10_000);
    let waiter = desk.join(who("m1"));
    assert_eq!(desk.refused(waiter), GroupError::UnknownMember);
    assert!(desk.group.is_vacant());
    assert_eq!(desk.kinds(), "");
}

#[test]
fn a_generation_waits_for_promised_members() {
    let mut desk = Desk::stable(1);
    desk.join(Who { require_id: true, ..who("") });
    let leader = desk.join(who("m1"));
    assert!(desk.is_open(leader), "all members have joined, but one is expected");
    let other = desk.join(Who { require_id: true, ..who("m2") });
    assert_eq!((desk.joined(leader).generation, desk.joined(other).generation), (2, 2));

    desk.settle_generation();
    desk.join(Who { require_id: true, ..who("") });
    let (first, second) = (desk.join(who("m1")), desk.join(who("m2")));
    assert!(desk.is_open(first) && desk.is_open(second));
    assert_eq!(desk.leave(&[("m4", None)]), [Err(GroupError::UnknownMember)]);
    assert_eq!(desk.leave(&[("m5", None)]), [Ok(())], "a promised id is given back");
    assert_eq!((desk.joined(first).generation, desk.joined(second).generation), (3, 3));
}

#[test]
fn unknown_ids_are_refused() {
    let mut desk = Desk::new();
    let waiter = desk.join(who("nobody"));
    assert_eq!(desk.refused(waiter), GroupError::UnknownMember);
    assert!(desk.group.is_vacant());
    let mut desk = Desk::stable(1);
    let waiter = desk.join(who("nobody"));
    assert_eq!(desk.refused(waiter), GroupError::UnknownMember);
    let waiter = desk.join(fixed("i", "m1"));
    assert_eq!(desk.refused(waiter), GroupError::UnknownMember, "a dynamic member has no instance id");
    assert_eq!(desk.state(), GroupState::Stable);
}

#[test]
fn session_timeouts_have_bounds() {
    let mut desk = Desk::new();
    for value in [-1, 0, 5_999, 1_800_001, i32::MAX] {
        let waiter = desk.join(Who { session_ms: value, ..who("") });
        let expected = GroupError::InvalidSessionTimeout { value, min: 6_000, max: 1_800_000 };
        assert_eq!(desk.refused(waiter), expected);
    }
    for value in [6_000, 1_800_000] {
        let mut desk = Desk::new();
        let waiter = desk.join(Who { session_ms: value, ..who("") });
        assert_eq!(desk.joined(waiter).generation, 1);
    }
}

#[test]
fn protocols_must_fit() {
    let mut desk = Desk::new();
    for unfit in [Who { kind: "", ..who("") }, who("").protocols(&[])] {
        let waiter = desk.join(unfit);
        assert_eq!(desk.refused(waiter), GroupError::InconsistentProtocol);
    }
    let mut desk = Desk::stable(1);
    for unfit in [Who { kind: "connect", ..who("") }, who("").protocols(&[STICKY])] {
        let waiter = desk.join(unfit.clone());
        assert_eq!(desk.refused(waiter), GroupError::InconsistentProtocol);
        assert_eq!(desk.state(), GroupState::Stable);
    }
    // An empty group takes any type, also while the first member waits for others no other.
    assert_eq!(desk.leave(&[("m1", None)]), [Ok(())]);
    let waiter = desk.join(Who { kind: "connect", ..who("") });
    assert_eq!(&*desk.joined(waiter).protocol_type, "connect");
    let mut desk = Desk::with(GroupSettings::default());
    let first = desk.join(who(""));
    let other = desk.join(Who { kind: "connect", ..who("") });
    assert!(desk.is_open(first));
    assert_eq!(desk.refused(other), GroupError::InconsistentProtocol);
}

#[test]
fn a_common_protocol_is_chosen_by_votes() {
    let mut desk = Desk::stable(1);
    let leader = desk.join(who("m1").protocols(&[RANGE, STICKY]));
    assert_eq!(&*desk.joined(leader).protocol, RANGE);
    desk.settle_generation();
    let sticky = desk.join(who("").protocols(&[STICKY]));
    let leader = desk.join(who("m1").protocols(&[RANGE, STICKY]));
    assert_eq!((&*desk.joined(leader).protocol, &*desk.joined(sticky).protocol), (STICKY, STICKY));
    // Whoever drops the last protocol in common with somebody else is refused, and the others go on.
    let waiter = desk.join(who("m1").protocols(&[RANGE]));
    assert_eq!(desk.refused(waiter), GroupError::InconsistentProtocol);
}

#[test]
fn only_the_leader_learns_who_is_there() {
    let mut desk = Desk::stable(1);
    let second = desk.join(who(""));
    assert_eq!(desk.state(), GroupState::PreparingRebalance);
    let first = desk.join(who("m1"));
    let (first, second) = (desk.joined(first), desk.joined(second));
    assert_eq!((first.leader.as_str(), second.leader.as_str()), ("m1", "m1"), "the old leader rejoined and stays");
    let ids: Vec<_> = first.members.iter().map(|m| m.member_id.as_str()).collect();
    assert_eq!(ids, ["m1", "m2"]);
    assert_eq!(second.members, []);
}

#[test]
fn who_rejoins_while_the_leader_assigns_gets_the_same_answer() {
    let mut desk = Desk::new();
    let first = desk.join(who(""));
    let again = desk.join(who("m1"));
    assert_eq!(desk.joined(again), desk.joined(first), "with the members: it is the leader");
    let changed = desk.join(who("m1").topics(&["other"]));
    assert_eq!(desk.joined(changed).generation, 2);
    assert_eq!(desk.kinds(), "GG");
}

#[test]
fn in_a_stable_group_leaders_and_changed_members_force_a_rebalance() {
    let mut desk = Desk::stable(2);
    let generation = desk.group.generation();
    let follower = desk.join(who("m2"));
    let reply = desk.joined(follower);
    assert_eq!((reply.generation, reply.members.len(), desk.state()), (generation, 0, GroupState::Stable));

    let leader = desk.join(who("m1"));
    assert!(desk.is_open(leader));
    assert_eq!(desk.state(), GroupState::PreparingRebalance);
    desk.join(who("m2"));
    desk.settle_generation();

    let changed = desk.join(who("m2").topics(&["other"]));
    assert!(desk.is_open(changed));
    desk.join(who("m1"));
    assert_eq!(desk.joined(changed).generation, generation + 2);
}

#[test]
fn a_repeated_join_takes_the_place_of_the_parked_one() {
    let mut desk = Desk::stable(2);
    let old = desk.join(who("m1"));
    let new = desk.join(who("m1"));
    assert_eq!(desk.refused(old), GroupError::RebalanceInProgress);
    desk.join(who("m2"));
    assert_eq!(desk.joined(new).member_id, id("m1"));
}

#[test]
fn a_full_group_takes_nobody_else() {
    let mut desk = Desk::stable(2);
    desk.settings.members_max = 2;
    let waiter = desk.join(who(""));
    assert_eq!(desk.refused(waiter), GroupError::Full { max: 2 });
    let waiter = desk.join(who("m2"));
    assert_eq!(desk.joined(waiter).member_id, id("m2"), "members stay welcome");
    // A lower limit pushes out whoever rejoins last.
    desk.settings.members_max = 1;
    let first = desk.join(who("m1"));
    let last = desk.join(who("m2"));
    assert_eq!(desk.refused(last), GroupError::Full { max: 1 });
    assert_eq!(desk.joined(first).members.len(), 1);
    assert_eq!(desk.members(), ["m1"]);
}

#[test]
fn promised_ids_are_bounded_too() {
    let mut desk = Desk::new();
    desk.settings.members_max = 2;
    for _ in 0..2 {
        desk.join(Who { require_id: true, ..who("") });
    }
    let waiter = desk.join(Who { require_id: true, ..who("") });
    assert_eq!(desk.refused(waiter), GroupError::Full { max: 2 });
}

#[test]
fn metadata_that_no_record_could_hold_is_refused() {
    let mut desk = Desk::new();
    let huge = Bytes::from(vec![0; GROUP_METADATA_BYTES_MAX]);
    let waiter = desk.join(Who { protocols: vec![(RANGE, huge)], ..who("") });
    assert!(matches!(desk.refused(waiter), GroupError::TooLarge { max: GROUP_METADATA_BYTES_MAX, .. }));
    let half = Bytes::from(vec![0; GROUP_METADATA_BYTES_MAX / 2]);
    let mut desk = Desk::with(GroupSettings::default());
    let first = desk.join(Who { protocols: vec![(RANGE, half.clone())], ..who("") });
    let second = desk.join(Who { protocols: vec![(RANGE, half)], ..who("") });
    assert!(desk.is_open(first), "the first one fits");
    assert!(matches!(desk.refused(second), GroupError::TooLarge { .. }), "both together do not");
}

#[test]
fn members_leave() {
    let mut desk = Desk::stable(3);
    let generation = desk.group.generation();
    assert_eq!(
        desk.leave(&[("m2", None), ("nobody", None), ("m2", None)]),
        [Ok(()), Err(GroupError::UnknownMember), Err(GroupError::UnknownMember)]
    );
    assert_eq!(desk.last(), Some(&GroupRecord::MembersRemoved { members: vec![id("m2")] }));
    assert_eq!(desk.heartbeat("m1", generation), Err(GroupError::RebalanceInProgress));
    let (first, third) = (desk.join(who("m1")), desk.join(who("m3")));
    assert_eq!((desk.joined(first).generation, desk.joined(third).generation), (generation + 1, generation + 1));
    desk.settle_generation();
    // All at once: the group is empty, with one record.
    let records = desk.log.len();
    assert_eq!(desk.leave(&[("m1", None), ("m3", None)]), [Ok(()), Ok(())]);
    assert_eq!(desk.last(), Some(&GroupRecord::Emptied { generation: generation + 2 }));
    assert_eq!((desk.log.len(), desk.state()), (records + 1, GroupState::Empty));
    assert_eq!(desk.group.next_deadline().filter(|at| *at < desk.mono), None);
}

#[test]
fn a_leader_that_leaves_is_followed_by_who_rejoins_first() {
    let mut desk = Desk::stable(3);
    desk.leave(&[("m1", None)]);
    let third = desk.join(who("m3"));
    desk.join(who("m2"));
    assert_eq!(desk.joined(third).leader, id("m3"));
}

#[test]
fn who_leaves_while_its_join_is_parked_is_told_so() {
    let mut desk = Desk::stable(2);
    let parked = desk.join(who("m1"));
    assert_eq!(desk.leave(&[("m1", None)]), [Ok(())]);
    assert_eq!(desk.refused(parked), GroupError::UnknownMember);
    let rest = desk.join(who("m2"));
    assert_eq!(desk.joined(rest).leader, id("m2"));

    // The only one who has ever joined: nothing remains, and nothing was written.
    let mut desk = Desk::with(GroupSettings::default());
    let parked = desk.join(who(""));
    assert_eq!(desk.leave(&[("m1", None)]), [Ok(())]);
    assert_eq!(desk.refused(parked), GroupError::UnknownMember);
    assert!(desk.group.is_vacant());
    assert_eq!(desk.kinds(), "");
}
