//! Offset commits, fetches and deletions; describing and deleting groups.

use super::*;

#[test]
fn members_commit_and_everybody_can_fetch() {
    let mut desk = Desk::stable(1);
    let offsets = vec![position(1, 0, 5), position(1, 3, 0)];
    assert_eq!(desk.commit("m1", 1, offsets.clone()), Ok(vec![Ok(()), Ok(())]));
    assert_eq!(desk.last(), Some(&GroupRecord::OffsetsCommitted { offsets, retention_ms: None }), "one record");
    let expected =
        Committed { offset: 5, leader_epoch: 3, metadata: "m".into(), committed_at: desk.now, expires_at: None };
    assert_eq!(desk.group.committed(topic(1), 0), Some(&expected));
    assert_eq!(desk.group.committed(topic(1), 1), None);
    assert_eq!(desk.group.committed(topic(2), 0), None);
    let all: Vec<_> = desk.group.all_committed().map(|(topic, p, c)| (topic, p, c.offset)).collect();
    assert_eq!(all, [(topic(1), 0, 5), (topic(1), 3, 0)]);
    // A lower offset is as good as any other.
    desk.commit("m1", 1, vec![position(1, 0, 2)]).unwrap();
    assert_eq!(desk.group.committed(topic(1), 0).map(|c| c.offset), Some(2));
}

#[test]
fn commits_are_checked() {
    let mut desk = Desk::stable(1);
    let offsets = || vec![position(1, 0, 5)];
    let wrong = |sent| Err(GroupError::WrongGeneration { sent, current: 1 });
    assert_eq!(desk.commit("m1", 0, offsets()), wrong(0));
    assert_eq!(desk.commit("m1", -1, offsets()), wrong(-1));
    assert_eq!(desk.commit("m2", 1, offsets()), Err(GroupError::UnknownMember));
    assert_eq!(desk.commit("", 1, offsets()), Err(GroupError::UnknownMember));
    assert_eq!(desk.commit("", -1, offsets()), Err(GroupError::UnknownMember), "not while there are members");

    desk.join(who(""));
    assert_eq!(
        desk.commit("m1", 1, offsets()),
        Ok(vec![Ok(())]),
        "before it rejoins a member commits what it has done"
    );
    desk.join(who("m1"));
    assert_eq!(desk.state(), GroupState::CompletingRebalance);
    assert_eq!(desk.commit("m1", 2, offsets()), Err(GroupError::RebalanceInProgress));
}

#[test]
fn groups_without_members_take_commits_from_outside() {
    let mut desk = Desk::new();
    assert_eq!(desk.commit("m1", 0, vec![position(1, 0, 5)]), Err(GroupError::NotFound), "no such group");
    assert_eq!(desk.commit("", -1, vec![position(1, 0, 5)]), Ok(vec![Ok(())]));
    assert_eq!((desk.state(), desk.group.is_vacant(), desk.group.protocol_type()), (GroupState::Empty, false, None));
    assert_eq!(desk.commit("m1", 0, vec![position(1, 0, 5)]), Err(GroupError::UnknownMember), "a group, but no member");
    let mut desk = Desk::stable(1);
    desk.leave(&[("m1", None)]);
    assert_eq!(desk.commit("", -1, vec![position(1, 0, 7)]), Ok(vec![Ok(())]));
    assert_eq!(desk.commit("m1", 1, vec![position(1, 0, 5)]), Err(GroupError::UnknownMember));
}

#[test]
fn texts_that_are_too_long_fail_alone() {
    let mut desk = Desk::new();
    let with = |partition, text: &str| CommitOffset { metadata: text.into(), ..position(1, partition, 1) };
    // 4 096 characters of three bytes are within the limit, 2 049 that need two UTF-16 units are not.
    let offsets =
        vec![with(0, ""), with(1, &"€".repeat(4_096)), with(2, &"x".repeat(4_097)), with(3, &"😀".repeat(2_049))];
    let too_long = |value| Err(GroupError::MetadataTooLong { value, max: 4_096 });
    assert_eq!(desk.commit("", -1, offsets), Ok(vec![Ok(()), Ok(()), too_long(4_097), too_long(4_098)]));
    assert_eq!(desk.group.all_committed().len(), 2);
    let none = desk.commit("", -1, vec![with(2, &"x".repeat(5_000))]);
    assert_eq!((none, desk.kinds().as_str()), (Ok(vec![too_long(5_000)]), "C"), "no record for nothing");
}

#[test]
fn a_commit_that_no_record_could_hold_is_refused() {
    let mut desk = Desk::new();
    let text: Box<str> = "x".repeat(OFFSET_COMMIT_BYTES_MAX / 2).into();
    let offsets = (0..2).map(|p| CommitOffset { metadata: text.clone(), ..position(1, p, 1) }).collect();
    assert!(matches!(desk.commit("", -1, offsets), Err(GroupError::TooLarge { max: OFFSET_COMMIT_BYTES_MAX, .. })));
}

#[test]
fn a_commit_renews_the_session() {
    let mut desk = Desk::stable(1);
    for _ in 0..5 {
        desk.pass(9_000);
        desk.commit("m1", 1, vec![position(1, 0, 5)]).unwrap();
    }
    assert_eq!(desk.state(), GroupState::Stable);
    desk.join(who(""));
    for _ in 0..5 {
        desk.pass(9_000);
        desk.commit("m1", 1, vec![position(1, 0, 5)]).unwrap();
    }
    assert_eq!(desk.members(), ["m1"]);
    desk.pass(10_000);
    assert_eq!(desk.members(), ["m2"], "the newcomer goes on without it");
}

#[test]
fn offsets_are_deleted_unless_somebody_reads_the_topic() {
    let name = |n: u8| name_of(topic(n)).unwrap();
    let mut desk = Desk::new();
    let outcome = desk.group.delete_offsets(&[(topic(1), name(1), 0)]);
    assert_eq!(desk.settle(outcome), Err(GroupError::NotFound));

    desk.join(who("").topics(&["t1"]));
    desk.settle_generation();
    desk.commit("m1", 1, vec![position(1, 0, 5), position(2, 0, 5), position(2, 1, 5)]).unwrap();
    let wanted = [(topic(1), name(1), 0), (topic(2), name(2), 0), (topic(2), name(2), 9)];
    let outcome = desk.group.delete_offsets(&wanted);
    assert_eq!(desk.settle(outcome), Ok(vec![Err(GroupError::Subscribed), Ok(()), Ok(())]));
    assert_eq!(desk.last(), Some(&GroupRecord::OffsetsRemoved { offsets: vec![(topic(2), 0)] }));
    assert_eq!(desk.group.all_committed().len(), 2);

    desk.leave(&[("m1", None)]);
    let outcome = desk.group.delete_offsets(&wanted);
    assert_eq!(desk.settle(outcome), Ok(vec![Ok(()), Ok(()), Ok(())]), "nobody subscribes");
}

#[test]
fn offsets_of_members_that_cannot_be_understood_stay() {
    let name = name_of(topic(1)).unwrap();
    let mut desk = Desk::new();
    desk.join(Who { protocols: vec![(RANGE, Bytes::from_static(b"?"))], ..who("") });
    desk.settle_generation();
    let outcome = desk.group.delete_offsets(&[(topic(1), name.clone(), 0)]);
    assert_eq!(desk.settle(outcome), Ok(vec![Err(GroupError::Subscribed)]));
    let mut desk = Desk::new();
    desk.join(Who { kind: "connect", ..who("") });
    let outcome = desk.group.delete_offsets(&[(topic(1), name, 0)]);
    assert_eq!(desk.settle(outcome), Err(GroupError::NotEmpty));
}

#[test]
fn offsets_of_deleted_topics_are_dropped() {
    let mut desk = Desk::new();
    desk.commit("", -1, vec![position(1, 0, 5), position(2, 0, 5), position(2, 1, 5)]).unwrap();
    let outcome = desk.group.drop_topics(|id| id == topic(1));
    desk.settle(outcome);
    assert_eq!(desk.last(), Some(&GroupRecord::OffsetsRemoved { offsets: vec![(topic(2), 0), (topic(2), 1)] }));
    let outcome = desk.group.drop_topics(|id| id == topic(1));
    desk.settle(outcome);
    assert_eq!(desk.kinds(), "CX");
}

#[test]
fn groups_are_deleted_when_nobody_is_there() {
    let mut desk = Desk::new();
    let outcome = desk.group.delete();
    assert_eq!(desk.settle(outcome), Err(GroupError::NotFound));
    let mut desk = Desk::with(GroupSettings::default());
    desk.join(who(""));
    for state in [GroupState::PreparingRebalance, GroupState::CompletingRebalance, GroupState::Stable] {
        assert_eq!(desk.state(), state);
        let outcome = desk.group.delete();
        assert_eq!(desk.settle(outcome), Err(GroupError::NotEmpty));
        match state {
            GroupState::PreparingRebalance => desk.pass(3_000),
            _ => desk.settle_generation_if_needed(),
        }
    }
    desk.commit("m1", 1, vec![position(1, 0, 5)]).unwrap();
    desk.leave(&[("m1", None)]);
    let outcome = desk.group.delete();
    assert_eq!(desk.settle(outcome), Ok(()));
    assert_eq!(
        (desk.state(), desk.group.is_vacant(), desk.group.committed(topic(1), 0)),
        (GroupState::Dead, true, None)
    );

    // Commands that were on their way.
    let waiter = desk.join(who(""));
    assert_eq!(desk.refused(waiter), GroupError::Deleted);
    let waiter = desk.sync("m1", 1);
    assert_eq!(desk.refused(waiter), GroupError::Deleted);
    assert_eq!(desk.heartbeat("m1", 1), Err(GroupError::Deleted));
    assert_eq!(desk.commit("", -1, vec![position(1, 0, 5)]), Err(GroupError::Deleted));
    let outcome = desk.group.leave(&desk.settings, &[], desk.mono);
    assert_eq!(desk.settle(outcome), Err(GroupError::Deleted));
    let outcome = desk.group.delete();
    assert_eq!(desk.settle(outcome), Err(GroupError::NotFound));
    let outcome = desk.group.delete_offsets(&[]);
    assert_eq!(desk.settle(outcome), Err(GroupError::NotFound));
    assert_eq!(desk.group.describe(), None);
}

#[test]
fn descriptions_show_details_once_the_group_is_stable() {
    let mut desk = Desk::with(GroupSettings::default());
    assert_eq!(desk.group.describe(), None);
    desk.join(fixed("i", ""));
    let member = |metadata, assignment| MemberDescription {
        member_id: id("m1"),
        instance_id: Some(InstanceId::new("i")),
        client_id: text("client"),
        client_host: text("/127.0.0.1"),
        metadata,
        assignment,
    };
    let expected = Description {
        state: GroupState::PreparingRebalance,
        generation: 0,
        protocol_type: text("consumer"),
        protocol: text(""),
        leader: None,
        members: vec![member(Bytes::new(), Bytes::new())],
    };
    assert_eq!(desk.group.describe(), Some(expected.clone()));
    assert_eq!(desk.group.member_count(), 1);
    desk.pass(3_000);
    let expected =
        Description { state: GroupState::CompletingRebalance, generation: 1, leader: Some(id("m1")), ..expected };
    assert_eq!(desk.group.describe(), Some(expected.clone()));
    desk.settle_generation();
    let members = vec![member(subscription(&["t"]), Bytes::from_static(b"a1"))];
    let expected = Description { state: GroupState::Stable, protocol: text(RANGE), members, ..expected };
    assert_eq!(desk.group.describe(), Some(expected.clone()));
    desk.leave(&[("", Some("i"))]);
    let expected = Description {
        state: GroupState::Empty,
        generation: 2,
        protocol: text(""),
        leader: None,
        members: vec![],
        ..expected
    };
    assert_eq!(desk.group.describe(), Some(expected));
}

#[test]
fn states_have_the_names_tools_know() {
    let names = GroupState::ALL.map(GroupState::name);
    assert_eq!(names, ["Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"]);
}

impl Desk {
    fn settle_generation_if_needed(&mut self) {
        if self.state() == GroupState::CompletingRebalance {
            self.settle_generation();
        }
    }
}
