//! Consumer groups through the broker: membership, commits, lag, and what a restart keeps.

use std::{pin::pin, task::Poll, time::Duration};

use super::support::{START, World, batch};
use bytes::Bytes;
use trine_broker::{
    Broker, CommitEntry, GroupError, GroupState, JoinReply, JoinRequest, Leaving, MemberRef, OffsetsWanted,
    SyncRequest, TopicSelector,
};
use trine_types::GroupName;

fn group(name: &str) -> GroupName {
    GroupName::parse(name).unwrap()
}

fn join(name: &str, member_id: &str) -> JoinRequest {
    JoinRequest {
        group: group(name),
        member_id: member_id.to_owned(),
        instance_id: None,
        client_id: "client".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 20_000,
        protocol_type: "consumer".to_owned(),
        protocols: vec![("range".to_owned(), Bytes::from_static(b"meta"))],
        require_known_member: true,
        can_skip_assignment: true,
    }
}

/// The two-step join of a new dynamic member.
async fn joined(broker: &Broker, name: &str) -> JoinReply {
    let Err(GroupError::MemberIdRequired { member_id }) = broker.groups().join(join(name, "")).await else {
        panic!("a new member is given an id first");
    };
    assert!(member_id.starts_with("client-"));
    broker.groups().join(join(name, &member_id)).await.unwrap()
}

fn sync(name: &str, joined: &JoinReply, assignments: &[(&str, &'static str)]) -> SyncRequest {
    SyncRequest {
        group: group(name),
        member_id: joined.member_id.clone(),
        instance_id: None,
        generation: joined.generation,
        protocol_type: None,
        protocol: None,
        assignments: assignments
            .iter()
            .map(|(id, bytes)| ((*id).to_owned(), Bytes::from_static(bytes.as_bytes())))
            .collect(),
    }
}

fn member(joined: &JoinReply) -> MemberRef {
    MemberRef { member_id: joined.member_id.clone(), instance_id: None, generation: joined.generation }
}

fn outside() -> MemberRef {
    MemberRef { member_id: String::new(), instance_id: None, generation: -1 }
}

fn entry(world: &World, topic: &str, partition: u32, offset: u64) -> CommitEntry {
    let topic = world.broker.catalog().topic(topic).unwrap().id;
    CommitEntry { topic, partition, offset, leader_epoch: -1, metadata: "note".to_owned() }
}

#[test]
fn members_share_a_group_and_a_restart_does_not_make_them_rejoin() {
    let mut world = World::new();
    let broker = world.broker.clone();
    let first = world.run(joined(&broker, "g"));
    assert_eq!((first.generation, first.leader == first.member_id, first.members.len()), (1, true, 1));
    world.run(broker.groups().sync(sync("g", &first, &[(&first.member_id, "all")]))).unwrap();
    // The second member's join waits until the first one has rejoined.
    let (one, two) = world.run(async {
        let mut two = pin!(joined(&broker, "g"));
        let mut told = false;
        std::future::poll_fn(|cx| {
            assert!(two.as_mut().poll(cx).is_pending() || told);
            told = true;
            Poll::Ready(())
        })
        .await;
        // The heartbeat learns of the rebalance sooner or later.
        loop {
            let heard = broker.groups().heartbeat(&group("g"), &member(&first)).await;
            std::future::poll_fn(|cx| {
                let _ = two.as_mut().poll(cx).is_pending();
                Poll::Ready(())
            })
            .await;
            if heard == Err(GroupError::Rebalancing) {
                break;
            }
        }
        let mut one = pin!(broker.groups().join(join("g", &first.member_id)));
        let (mut a, mut b) = (None, None);
        std::future::poll_fn(move |cx| {
            if a.is_none()
                && let Poll::Ready(joined) = one.as_mut().poll(cx)
            {
                a = Some(joined.unwrap());
            }
            if b.is_none()
                && let Poll::Ready(joined) = two.as_mut().poll(cx)
            {
                b = Some(joined);
            }
            match (a.take(), b.take()) {
                (Some(a), Some(b)) => Poll::Ready((a, b)),
                (x, y) => {
                    (a, b) = (x, y);
                    Poll::Pending
                }
            }
        })
        .await
    });
    assert_eq!((one.generation, two.generation, one.members.len(), two.members.len()), (2, 2, 2, 0));
    let shares = [(one.member_id.as_str(), "left"), (two.member_id.as_str(), "right")];
    world.run(broker.groups().sync(sync("g", &one, &shares))).unwrap();
    let right = world.run(broker.groups().sync(sync("g", &two, &[]))).unwrap();
    assert_eq!(&right.assignment[..], b"right");
    drop(broker);
    for restarted in [World::crash as fn(World) -> World, World::restart] {
        world = restarted(world);
        let broker = world.broker.clone();
        for joined in [&one, &two] {
            world.run(broker.groups().heartbeat(&group("g"), &member(joined))).unwrap();
        }
        let shown = world.run(broker.groups().describe(&group("g"))).unwrap();
        assert_eq!((shown.state, shown.generation, shown.members.len()), (GroupState::Stable, 2, 2));
    }
    // A member that falls silent is removed by the shard's own timer.
    let broker = world.broker.clone();
    for _ in 0..6 {
        world.wait(Duration::from_secs(3));
        let _ = world.run(broker.groups().heartbeat(&group("g"), &member(&one)));
    }
    let gone = world.run(broker.groups().heartbeat(&group("g"), &member(&two)));
    assert_eq!(gone, Err(GroupError::UnknownMember));
    let left = vec![Leaving { member_id: one.member_id.clone(), instance_id: None }];
    assert_eq!(world.run(broker.groups().leave(&group("g"), left)), Ok(vec![Ok(())]));
    let shown = world.run(broker.groups().describe(&group("g"))).unwrap();
    assert_eq!(shown.state, GroupState::Empty);
}

#[test]
fn commands_to_a_group_that_is_being_made_keep_their_order() {
    let mut world = World::new();
    world.topic("t", 1, &[]);
    let broker = world.broker.clone();
    let entries: Vec<_> = (0..4).map(|offset| entry(&world, "t", 0, offset)).collect();
    let commit = |offset: usize| {
        let (broker, entry) = (broker.clone(), entries[offset].clone());
        Box::pin(async move { broker.groups().seek(&group("g"), vec![entry]).await })
    };
    let mut waker = std::task::Context::from_waker(std::task::Waker::noop());
    let mut first = commit(1);
    assert!(first.as_mut().poll(&mut waker).is_pending());
    world.step();
    world.engine.commit();
    world.step();
    assert!(
        broker.catalog().groups().any(|known| *known == group("g")),
        "the catalogue has it, the first commit does not know yet"
    );
    let mut second = commit(2);
    assert!(second.as_mut().poll(&mut waker).is_pending());
    world.step();
    // A third that is given up leaves its place.
    let mut third = commit(3);
    assert!(third.as_mut().poll(&mut waker).is_pending());
    drop(third);
    assert_eq!(world.run(first), Ok(vec![Ok(())]));
    assert_eq!(world.run(second), Ok(vec![Ok(())]));
    let all = vec![(group("g"), OffsetsWanted::All)];
    let found = world.run(broker.groups().fetch_offsets(all)).remove(0).unwrap();
    let offsets: Vec<_> = found.iter().map(|(_, _, committed)| committed.as_ref().map(|c| c.offset)).collect();
    assert_eq!(offsets, [Some(2)], "the second came second");
}

#[test]
fn commits_are_kept_by_topic_id_and_never_go_back_over_a_restart() {
    let mut world = World::new();
    world.topic("t", 2, &[]);
    let broker = world.broker.clone();
    let wanted = |name: &str| vec![(group(name), OffsetsWanted::All)];
    assert_eq!(world.run(broker.groups().fetch_offsets(wanted("g"))), [Ok(Vec::new())]);
    assert!(!broker.catalog().groups().any(|known| *known == group("g")), "asking does not make a group");
    let mut beyond = entry(&world, "t", 0, 1);
    beyond.partition = 9;
    let long = CommitEntry { metadata: "x".repeat(5000), ..entry(&world, "t", 1, 1) };
    let entries = vec![entry(&world, "t", 0, 5), beyond, long, entry(&world, "t", 1, 7)];
    let done = world.run(broker.groups().commit(&group("g"), &outside(), entries)).unwrap();
    assert_eq!((&done[0], &done[1], &done[3]), (&Ok(()), &Err(GroupError::UnknownPartition), &Ok(())));
    assert!(matches!(done[2], Err(GroupError::MetadataTooLong { len: 5000, max: 4096 })));
    let missing = MemberRef { generation: 3, ..outside() };
    let refused = world.run(broker.groups().commit(&group("new"), &missing, vec![entry(&world, "t", 0, 1)]));
    assert_eq!(refused, Err(GroupError::NotFound));
    let id = broker.catalog().topic("t").unwrap().id;
    drop(broker);
    for restarted in [World::crash as fn(World) -> World, World::restart] {
        world = restarted(world);
        let broker = world.broker.clone();
        let these = OffsetsWanted::These(vec![(id, 0), (id, 1), (id, 2)]);
        let found = world.run(broker.groups().fetch_offsets(vec![(group("g"), these)])).remove(0).unwrap();
        let offsets: Vec<_> = found.iter().map(|(_, _, commit)| commit.as_ref().map(|commit| commit.offset)).collect();
        assert_eq!(offsets, [Some(5), Some(7), None]);
        assert_eq!(found[0].2.as_ref().unwrap().metadata, "note");
    }
    // A topic made again has no commits.
    let broker = world.broker.clone();
    world.run(broker.topics().delete(TopicSelector::Id(id))).unwrap();
    world.topic("t", 2, &[]);
    let new = broker.catalog().topic("t").unwrap().id;
    let these = OffsetsWanted::These(vec![(new, 0)]);
    let found = world.run(broker.groups().fetch_offsets(vec![(group("g"), these)])).remove(0).unwrap();
    assert_eq!(found, [(new, 0, None)]);
    // The sweep forgets what belonged to the old one, and then the group has nothing left.
    world.wait(Duration::from_secs(10));
    assert_eq!(world.run(broker.groups().fetch_offsets(wanted("g"))), [Ok(Vec::new())]);
}

#[test]
fn a_deleted_group_is_gone_and_can_be_made_again() {
    let mut world = World::new();
    world.topic("t", 1, &[]);
    let broker = world.broker.clone();
    assert_eq!(world.run(broker.groups().delete(&group("g"))), Err(GroupError::NotFound));
    world.run(broker.groups().seek(&group("g"), vec![entry(&world, "t", 0, 3)])).unwrap()[0].clone().unwrap();
    let listed = world.run(broker.groups().list(&[], &[])).unwrap();
    assert_eq!((listed.len(), listed[0].state, listed[0].members), (1, GroupState::Empty, 0));
    for (states, types, count) in [
        (vec!["empty".to_owned()], vec![], 1),
        (vec!["Stable".to_owned()], vec![], 0),
        (vec![], vec!["consumer".to_owned()], 0),
    ] {
        assert_eq!(world.run(broker.groups().list(&states, &types)).unwrap().len(), count);
    }
    world.run(broker.groups().delete(&group("g"))).unwrap();
    assert_eq!(world.run(broker.groups().describe(&group("g"))), Err(GroupError::NotFound));
    assert!(broker.catalog().groups().next().is_none());
    world.run(broker.groups().seek(&group("g"), vec![entry(&world, "t", 0, 4)])).unwrap()[0].clone().unwrap();
    drop(broker);
    let mut world = world.crash();
    let broker = world.broker.clone();
    let found = world.run(broker.groups().fetch_offsets(vec![(group("g"), OffsetsWanted::All)])).remove(0).unwrap();
    assert_eq!(found[0].2.as_ref().unwrap().offset, 4);
    let member = world.run(joined(&broker, "g"));
    let refused = world.run(broker.groups().seek(&group("g"), vec![entry(&world, "t", 0, 4)]));
    assert_eq!(refused, Err(GroupError::NotEmpty));
    assert_eq!(world.run(broker.groups().delete(&group("g"))), Err(GroupError::NotEmpty));
    let id = broker.catalog().topic("t").unwrap().id;
    let left = vec![Leaving { member_id: member.member_id, instance_id: None }];
    world.run(broker.groups().leave(&group("g"), left)).unwrap();
    let removed = world.run(broker.groups().delete_offsets(&group("g"), vec![(id, 0), (trine_types::Uuid::NIL, 0)]));
    assert_eq!(removed, Ok(vec![Ok(()), Err(GroupError::UnknownPartition)]));
}

#[test]
fn lag_counts_records_and_tells_the_age_of_the_first_unread_one() {
    let mut world = World::new();
    world.topic("t", 2, &[]);
    let partition = world.partition("t", 0);
    for (at, value) in [(0, "a"), (1000, "b"), (2000, "c")] {
        world.append(&partition, batch(START.0 + at, &[value])).unwrap();
    }
    let broker = world.broker.clone();
    assert_eq!(world.run(broker.groups().lag(&group("g"))), Err(GroupError::NotFound));
    let entries = vec![entry(&world, "t", 0, 1), entry(&world, "t", 1, 0)];
    world.run(broker.groups().seek(&group("g"), entries)).unwrap();
    world.wait(Duration::from_secs(60));
    let lag = world.run(broker.groups().lag(&group("g"))).unwrap();
    let now = trine_env::Clock::now(&world.clock).0;
    assert_eq!((lag[0].records, lag[0].committed, lag[0].end), (2, 1, 3));
    assert!((now - START.0 - 1000 - lag[0].behind_ms).abs() < 100, "{}", lag[0].behind_ms);
    assert_eq!((lag[1].records, lag[1].behind_ms), (0, 0));
}

#[test]
fn a_parked_join_is_answered_when_the_server_stops() {
    let mut world = World::with({
        let mut config = trine_broker::BrokerConfig::default();
        config.groups.initial_rebalance_delay = Duration::from_secs(600);
        config
    });
    let broker = world.broker.clone();
    let mut request = join("g", "");
    request.require_known_member = false;
    let mut parked = Box::pin(broker.groups().join(request));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..4 {
        assert!(parked.as_mut().poll(&mut context).is_pending());
        world.step();
        world.engine.commit();
    }
    world.run(broker.shutdown(Duration::from_secs(1))).unwrap();
    assert!(matches!(parked.as_mut().poll(&mut context), Poll::Ready(Err(GroupError::Unavailable))));
    let late = world.run(broker.groups().join(join("h", "")));
    assert_eq!(late, Err(GroupError::Failure(trine_broker::Failure::Stopping)));
}
