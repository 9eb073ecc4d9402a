//! Consumer groups over the wire, and who may do what.

mod common;

use common::{Client, Server, batch, create, fetch, message, produce};
use kafka_wire::{
    join_group_request::JoinGroupRequestProtocol,
    leave_group_request::MemberIdentity,
    offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
    offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics},
    sync_group_request::SyncGroupRequestAssignment,
    *,
};
use trine_broker::{Access, Action, Grant, ResourceKind};
use trine_kafka::{
    ErrorCode, KafkaConfig,
    wire::{Api, ApiKey},
};
use trine_records::Codec;

fn code(error: ErrorCode) -> i16 {
    error.code()
}

fn join(group: &str, member: &str, instance: Option<&str>) -> JoinGroupRequest {
    let protocol = message!(JoinGroupRequestProtocol { name: "range".into(), metadata: b"metadata"[..].into() });
    message!(JoinGroupRequest {
        group_id: group.into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        member_id: member.into(),
        group_instance_id: instance.map(Into::into),
        protocol_type: "consumer".into(),
        protocols: vec![protocol],
    })
}

/// Joins and syncs as the only member; returns member id and generation.
async fn sole_member(client: &mut Client, group: &str) -> (String, i32) {
    let asked = client.call(9, &join(group, "", None)).await;
    assert_eq!(asked.error_code, code(ErrorCode::MemberIdRequired));
    let joined = client.call(9, &join(group, &asked.member_id, None)).await;
    assert_eq!(joined.error_code, 0);
    assert_eq!(joined.leader, joined.member_id);
    assert_eq!(joined.members.len(), 1);
    assert_eq!(&joined.members[0].metadata[..], b"metadata");
    let assignment =
        message!(SyncGroupRequestAssignment { member_id: joined.member_id.clone(), assignment: b"all"[..].into() });
    let sync = message!(SyncGroupRequest {
        group_id: group.into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        assignments: vec![assignment],
    });
    let synced = client.call(5, &sync).await;
    assert_eq!((synced.error_code, &synced.assignment[..]), (0, &b"all"[..]));
    (joined.member_id.to_string(), joined.generation_id)
}

fn commit(group: &str, member: &str, generation: i32, topic: &str, offset: i64) -> OffsetCommitRequest {
    let partition = message!(OffsetCommitRequestPartition {
        committed_offset: offset,
        committed_leader_epoch: -1,
        committed_metadata: Some("where I was".into()),
    });
    let topic = message!(OffsetCommitRequestTopic { name: topic.into(), partitions: vec![partition] });
    message!(OffsetCommitRequest {
        group_id: group.into(),
        generation_id_or_member_epoch: generation,
        member_id: member.into(),
        topics: vec![topic],
    })
}

#[tokio::test]
async fn a_member_lives_and_leaves() {
    let server = Server::start().await;
    let mut client = server.client().await;
    create(&mut client, "t", 2, &[]).await;
    let (member, generation) = sole_member(&mut client, "g").await;
    let heartbeat = |generation, member: &str| {
        message!(HeartbeatRequest { group_id: "g".into(), generation_id: generation, member_id: member.into() })
    };
    for version in Api::of(ApiKey::Heartbeat).versions() {
        assert_eq!(client.call(version, &heartbeat(generation, &member)).await.error_code, 0);
    }
    let old = client.call(4, &heartbeat(generation - 1, &member)).await;
    assert_eq!(old.error_code, code(ErrorCode::IllegalGeneration));
    let stranger = client.call(4, &heartbeat(generation, "stranger")).await;
    assert_eq!(stranger.error_code, code(ErrorCode::UnknownMemberId));

    let described = client.call(5, &message!(DescribeGroupsRequest { groups: vec!["g".into(), "none".into()] })).await;
    assert_eq!(described.groups[0].group_state.as_str(), "Stable");
    assert_eq!(described.groups[0].members[0].client_id.as_str(), "test");
    assert_eq!(&described.groups[0].members[0].member_assignment[..], b"all");
    assert_eq!((described.groups[1].group_state.as_str(), described.groups[1].error_code), ("Dead", 0));
    let described = client.call(6, &message!(DescribeGroupsRequest { groups: vec!["none".into()] })).await;
    assert_eq!(described.groups[0].error_code, code(ErrorCode::GroupIdNotFound));

    let listed = client.call(5, &message!(ListGroupsRequest { states_filter: vec!["stable".into()] })).await;
    assert_eq!(listed.groups[0].group_id.as_str(), "g");
    assert_eq!(listed.groups[0].group_type.as_str(), "classic");
    let listed = client.call(5, &message!(ListGroupsRequest { types_filter: vec!["Share".into()] })).await;
    assert!(listed.groups.is_empty());

    let delete = message!(DeleteGroupsRequest { groups_names: vec!["g".into(), "none".into(), "".into()] });
    let codes: Vec<_> = client.call(2, &delete).await.results.iter().map(|r| r.error_code).collect();
    let expected = [ErrorCode::NonEmptyGroup, ErrorCode::GroupIdNotFound, ErrorCode::InvalidGroupId].map(code);
    assert_eq!(codes, expected);

    let stranger = message!(MemberIdentity { member_id: "stranger".into() });
    let leaver = message!(MemberIdentity { member_id: member.as_str().into() });
    let leave = message!(LeaveGroupRequest { group_id: "g".into(), members: vec![stranger, leaver] });
    let left = client.call(5, &leave).await;
    assert_eq!(left.error_code, 0);
    assert_eq!(left.members.iter().map(|m| m.error_code).collect::<Vec<_>>(), [code(ErrorCode::UnknownMemberId), 0]);
    assert_eq!(client.call(2, &delete).await.results[0].error_code, 0);
    // Versions before 3 name one member and have one answer.
    let leave = message!(LeaveGroupRequest { group_id: "g".into(), member_id: member.as_str().into() });
    assert_eq!(client.call(2, &leave).await.error_code, code(ErrorCode::UnknownMemberId));
}

/// Static members keep their place without the detour, and the one that was replaced is fenced.
#[tokio::test]
async fn static_members_replace_each_other() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let first = client.call(5, &join("g", "", Some("i"))).await;
    assert_eq!(first.error_code, 0);
    let second = client.call(5, &join("g", "", Some("i"))).await;
    assert_eq!(second.error_code, 0);
    assert_ne!(first.member_id, second.member_id);
    let heartbeat = message!(HeartbeatRequest {
        group_id: "g".into(),
        generation_id: first.generation_id,
        member_id: first.member_id,
        group_instance_id: Some("i".into()),
    });
    assert_eq!(client.call(4, &heartbeat).await.error_code, code(ErrorCode::FencedInstanceId));
}

#[tokio::test]
async fn offsets_come_back_as_they_were_committed() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let id = create(&mut client, "t", 2, &[]).await;
    let (member, generation) = sole_member(&mut client, "g").await;
    for version in Api::of(ApiKey::OffsetCommit).versions() {
        let mut request = commit("g", &member, generation, "t", i64::from(version));
        if version >= 10 {
            request.topics[0].name = "".into();
            request.topics[0].topic_id = id;
        }
        if version < 7 {
            request.topics[0].partitions[0].committed_leader_epoch = -1;
        }
        let answer = client.call(version, &request).await;
        assert_eq!(answer.topics[0].partitions[0].error_code, 0, "version {version}");

        for fetch_version in 1..=7 {
            let topic = message!(OffsetFetchRequestTopic { name: "t".into(), partition_indexes: vec![0, 1, 9] });
            let request = message!(OffsetFetchRequest { group_id: "g".into(), topics: Some(vec![topic]) });
            let answer = client.call(fetch_version, &request).await;
            let offsets: Vec<_> =
                answer.topics[0].partitions.iter().map(|p| (p.committed_offset, p.error_code)).collect();
            assert_eq!(offsets, [(i64::from(version), 0), (-1, 0), (-1, 0)]);
            assert_eq!(answer.topics[0].partitions[0].metadata.as_deref(), Some("where I was"));
        }
        for fetch_version in 8..=10 {
            let mut topic = message!(OffsetFetchRequestTopics { name: "t".into(), partition_indexes: vec![0] });
            if fetch_version >= 10 {
                topic.name = "".into();
                topic.topic_id = id;
            }
            let some = message!(OffsetFetchRequestGroup { group_id: "g".into(), topics: Some(vec![topic]) });
            let all = message!(OffsetFetchRequestGroup { group_id: "g".into(), topics: None });
            let nobody = message!(OffsetFetchRequestGroup { group_id: "nobody".into(), topics: None });
            let request = message!(OffsetFetchRequest { groups: vec![some, all, nobody] });
            let answer = client.call(fetch_version, &request).await;
            assert_eq!(answer.groups[0].topics, answer.groups[1].topics);
            assert_eq!(answer.groups[0].topics[0].partitions[0].committed_offset, i64::from(version));
            assert!(answer.groups[2].topics.is_empty() && answer.groups[2].error_code == 0);
        }
    }
    let refusals = [
        (commit("g", &member, generation + 1, "t", 1), ErrorCode::IllegalGeneration),
        (commit("g", "stranger", generation, "t", 1), ErrorCode::UnknownMemberId),
        (commit("g", "", -1, "t", 1), ErrorCode::UnknownMemberId),
        (commit("g", &member, generation, "nowhere", 1), ErrorCode::UnknownTopicOrPartition),
        // KafkaJS resets a group by committing -1 and resolves it when it reads it back.
        (commit("g", &member, generation, "t", -1), ErrorCode::None),
        (commit("", &member, generation, "t", 1), ErrorCode::InvalidGroupId),
        (commit("other", "m", 3, "t", 1), ErrorCode::IllegalGeneration),
    ];
    for (i, (request, expected)) in refusals.into_iter().enumerate() {
        let answer = client.call(8, &request).await;
        assert_eq!(answer.topics[0].partitions[0].error_code, code(expected), "case {i}");
    }
    let mut long = commit("g", &member, generation, "t", 1);
    long.topics[0].partitions[0].committed_metadata = Some("x".repeat(5000).into());
    let answer = client.call(8, &long).await;
    assert_eq!(answer.topics[0].partitions[0].error_code, code(ErrorCode::OffsetMetadataTooLarge));
    // From outside of any membership, a group without members takes commits, and loses them again.
    let answer = client.call(8, &commit("tool", "", -1, "t", 5)).await;
    assert_eq!(answer.topics[0].partitions[0].error_code, 0);
    let partition = message!(OffsetDeleteRequestPartition { partition_index: 0 });
    let topic = message!(OffsetDeleteRequestTopic { name: "t".into(), partitions: vec![partition.clone()] });
    let unknown = message!(OffsetDeleteRequestTopic { name: "nowhere".into(), partitions: vec![partition] });
    let delete = message!(OffsetDeleteRequest { group_id: "tool".into(), topics: vec![unknown, topic] });
    let answer = client.call(0, &delete).await;
    assert_eq!(answer.topics[0].partitions[0].error_code, code(ErrorCode::UnknownTopicOrPartition));
    assert_eq!(answer.topics[1].partitions[0].error_code, 0);
    let all = message!(OffsetFetchRequest { group_id: "tool".into(), topics: None });
    assert!(client.call(7, &all).await.topics.is_empty());
}

/// With users configured, a client that is nobody may do nothing, and is not told what exists.
#[tokio::test]
async fn grants_are_asked_for_everything() {
    let grant = Grant { on: ResourceKind::Topic, name: "*".into(), allow: Action::ALL.to_vec() };
    let access = Access::new([("ann".to_owned(), vec![grant])]);
    let server = Server::with(KafkaConfig::default(), access).await;
    server.broker.topics().auto_create(&trine_types::TopicName::parse("secret").unwrap()).await.unwrap();
    let mut client = server.client().await;
    let topic_denied = code(ErrorCode::TopicAuthorizationFailed);
    for topic in ["secret", "nowhere"] {
        let answer = client.call(9, &produce(topic, 0, -1, batch(Codec::None, &["a"]))).await;
        assert_eq!(answer.responses[0].partition_responses[0].error_code, topic_denied);
        let answer = client.call(11, &fetch(topic, 0, 0, 0)).await;
        assert_eq!(answer.responses[0].partitions[0].error_code, topic_denied);
        let asked = message!(metadata_request::MetadataRequestTopic { name: Some(topic.into()) });
        let answer = client.call(9, &message!(MetadataRequest { topics: Some(vec![asked]) })).await;
        assert_eq!(answer.topics[0].error_code, topic_denied);
        let delete = message!(DeleteTopicsRequest { topic_names: vec![topic.into()] });
        assert_eq!(client.call(5, &delete).await.responses[0].error_code, topic_denied);
    }
    assert!(client.call(9, &message!(MetadataRequest { topics: None })).await.topics.is_empty());
    let group_denied = code(ErrorCode::GroupAuthorizationFailed);
    assert_eq!(client.call(9, &join("g", "", None)).await.error_code, group_denied);
    let answer = client.call(8, &commit("g", "", -1, "secret", 1)).await;
    assert_eq!(answer.topics[0].partitions[0].error_code, group_denied);
}
