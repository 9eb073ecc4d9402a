//! What is forgotten, and when. Message time only.

use super::*;

const DAY: i64 = 24 * 3_600_000;

fn kept(desk: &Desk) -> Vec<u8> {
    desk.group.all_committed().map(|(topic, _, _)| topic.0[0]).collect()
}

#[test]
fn offsets_of_simple_groups_expire_after_their_commit() {
    let mut desk = Desk::new();
    desk.commit("", -1, vec![position(1, 0, 5)]).unwrap();
    desk.pass_messages(3 * DAY);
    desk.commit("", -1, vec![position(2, 0, 5)]).unwrap();
    assert_eq!(desk.group.next_expiry(&desk.settings, name_of), Some(desk.now.plus_ms(4 * DAY)));
    desk.pass_messages(4 * DAY - 1);
    assert_eq!(kept(&desk), [1, 2]);
    desk.pass_messages(1);
    assert_eq!(kept(&desk), [2]);
    desk.pass_messages(3 * DAY);
    assert_eq!(desk.last(), Some(&GroupRecord::Deleted), "with the last offset goes the group");
    assert_eq!(desk.state(), GroupState::Dead);
    assert_eq!(desk.kinds(), "CCXD");
    assert_eq!(desk.group.next_expiry(&desk.settings, name_of), None);
}

#[test]
fn offsets_of_emptied_groups_expire_after_the_last_member_left() {
    let mut desk = Desk::new();
    desk.join(who("").topics(&["t1"]));
    desk.settle_generation();
    desk.commit("m1", 1, vec![position(1, 0, 5)]).unwrap();
    desk.pass_messages(30 * DAY);
    assert_eq!(kept(&desk), [1], "its member reads that topic");
    desk.leave(&[("m1", None)]);
    desk.pass_messages(7 * DAY - 1);
    assert_eq!(kept(&desk), [1]);
    // Somebody sets an offset from outside: that one stays for the full time.
    desk.commit("", -1, vec![position(2, 0, 5)]).unwrap();
    desk.pass_messages(1);
    assert_eq!(kept(&desk), [2]);
    desk.pass_messages(7 * DAY);
    assert_eq!(desk.state(), GroupState::Dead);
}

#[test]
fn members_that_come_back_stop_the_clock() {
    let mut desk = Desk::stable(1);
    desk.commit("m1", 1, vec![position(1, 0, 5)]).unwrap();
    desk.leave(&[("m1", None)]);
    desk.pass_messages(6 * DAY);
    let waiter = desk.join(who("").topics(&["t1"]));
    assert_eq!(desk.joined(waiter).generation, 3);
    desk.settle_generation();
    desk.pass_messages(60 * DAY);
    assert_eq!(kept(&desk), [1]);
    desk.leave(&[("m2", None)]);
    desk.pass_messages(6 * DAY);
    assert_eq!(kept(&desk), [1]);
    desk.pass_messages(DAY);
    assert_eq!(desk.state(), GroupState::Dead);
}

#[test]
fn stable_groups_forget_topics_they_no_longer_read() {
    let mut desk = Desk::new();
    desk.join(who("").topics(&["t1"]));
    desk.settle_generation();
    desk.commit("m1", 1, vec![position(0, 0, 5), position(1, 0, 5), position(2, 0, 5), position(3, 0, 5)]).unwrap();
    desk.pass_messages(6 * DAY);
    desk.commit("m1", 1, vec![position(3, 0, 5)]).unwrap();
    desk.pass_messages(DAY);
    assert_eq!(kept(&desk), [0, 1, 3], "0 is a topic that is gone: not for expiry to judge");
    // While members are joining, nobody knows what will be read.
    desk.join(who("").topics(&["t2"]));
    desk.pass_messages(7 * DAY);
    assert_eq!(kept(&desk), [0, 1, 3]);
    assert_eq!(desk.group.next_expiry(&desk.settings, name_of), None);
}

#[test]
fn groups_of_unknown_kinds_forget_nothing_while_they_have_members() {
    for odd in [Who { kind: "connect", ..who("") }, Who { protocols: vec![(RANGE, Bytes::new())], ..who("") }] {
        let mut desk = Desk::new();
        desk.join(odd);
        desk.settle_generation();
        desk.commit("m1", 1, vec![position(1, 0, 5)]).unwrap();
        desk.pass_messages(100 * DAY);
        assert_eq!(kept(&desk), [1]);
    }
}

#[test]
fn a_commit_may_say_how_long_it_is_kept() {
    let mut desk = Desk::new();
    let commit = |topic_no, retention_ms| Commit {
        member_id: id(""),
        instance_id: None,
        generation: -1,
        offsets: vec![position(topic_no, 0, 5)],
        retention_ms,
    };
    for (topic_no, retention_ms) in [(1, Some(1_000)), (2, Some(30 * DAY as u64)), (3, None), (4, Some(u64::MAX))] {
        desk.commit_command(commit(topic_no, retention_ms)).unwrap();
    }
    desk.pass_messages(999);
    assert_eq!(kept(&desk), [1, 2, 3, 4]);
    desk.pass_messages(1);
    assert_eq!(kept(&desk), [2, 3, 4]);
    desk.pass_messages(7 * DAY);
    assert_eq!(kept(&desk), [2, 4]);
    desk.pass_messages(23 * DAY);
    assert_eq!(kept(&desk), [4]);
    desk.pass_messages(300_000 * DAY);
    assert_eq!(kept(&desk), [4]);
}

#[test]
fn an_empty_group_without_offsets_is_seen_for_a_while() {
    let mut desk = Desk::stable(1);
    desk.leave(&[("m1", None)]);
    desk.pass_messages(EMPTY_GROUP_LINGER_MS - 1);
    assert_eq!(desk.state(), GroupState::Empty);
    desk.pass_messages(1);
    assert_eq!(desk.state(), GroupState::Dead);

    // The same after the last offset was deleted, even of a group that never had members.
    let mut desk = Desk::new();
    desk.commit("", -1, vec![position(1, 0, 5)]).unwrap();
    let outcome = desk.group.drop_topics(|_| false);
    desk.settle(outcome);
    assert!(!desk.group.is_vacant());
    desk.pass_messages(EMPTY_GROUP_LINGER_MS);
    assert_eq!(desk.state(), GroupState::Dead);
}

#[test]
fn a_group_somebody_is_about_to_join_does_not_vanish() {
    let mut desk = Desk::stable(1);
    desk.leave(&[("m1", None)]);
    desk.join(Who { require_id: true, ..who("") });
    desk.pass_messages(DAY);
    assert_eq!(desk.state(), GroupState::Empty);
    desk.pass(10_000);
    desk.pass_messages(0);
    assert_eq!(desk.state(), GroupState::Dead);
}

#[test]
fn nothing_expires_in_a_group_that_is_not_there() {
    let mut desk = Desk::new();
    desk.pass_messages(100 * DAY);
    assert_eq!((desk.kinds().as_str(), desk.group.next_expiry(&desk.settings, name_of)), ("", None));
}
