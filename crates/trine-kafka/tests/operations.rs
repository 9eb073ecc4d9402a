//! Operations end to end, over the wire.

mod common;

use bytes::Bytes;
use common::{PATIENCE, Server, batch, create, decode, encode, fetch, message, produce};
use kafka_wire::{
    create_topics_request::{CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig},
    delete_topics_request::DeleteTopicState,
    describe_configs_request::DescribeConfigsResource,
    incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
    list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
    metadata_request::MetadataRequestTopic,
    *,
};
use kafka_wire_core::Uuid;
use trine_kafka::{
    ErrorCode, KafkaConfig,
    wire::{Api, ApiKey},
};
use trine_records::{BatchBuilder, Batches, Codec, NO_TIMESTAMP, Records, records_of};

fn code(error: ErrorCode) -> i16 {
    error.code()
}

/// The values of the records in a fetched field.
fn values(records: &Bytes) -> Vec<String> {
    let mut out = Vec::new();
    for batch in Batches::new(records) {
        let (header, batch) = batch.unwrap();
        header.check_crc(batch).unwrap();
        let payload = records_of(&header, batch, 1 << 20).unwrap();
        out.extend(Records::new(&payload).map(|r| String::from_utf8(r.unwrap().value.unwrap().to_vec()).unwrap()));
    }
    out
}

#[tokio::test]
async fn every_codec_and_version_comes_back_byte_for_byte() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let id = create(&mut client, "t", 1, &[]).await;
    let mut offset = 0;
    for codec in Codec::ALL {
        for version in Api::of(ApiKey::Produce).versions().filter(|v| *v >= 7 || codec != Codec::Zstd) {
            let sent = batch(codec, &["first", "second"]);
            let mut request = produce("t", 0, -1, sent.clone());
            if version >= 13 {
                request.topic_data[0].name = "".into();
                request.topic_data[0].topic_id = id;
            }
            let answer = client.call(version, &request).await;
            let partition = &answer.responses[0].partition_responses[0];
            assert_eq!((partition.error_code, partition.base_offset), (0, offset), "{codec:?} {version}");

            let fetch_version = 4 + (version - 3).min(14);
            let mut request = fetch("t", 0, offset + 1, 0);
            if fetch_version >= 13 {
                request.topics[0].topic = "".into();
                request.topics[0].topic_id = id;
            }
            let answer = client.call(fetch_version, &request).await;
            let partition = &answer.responses[0].partitions[0];
            let records = partition.records.as_ref().unwrap();
            assert_eq!(partition.high_watermark, offset + 2);
            // The batch that contains the offset comes whole, and only base offset and leader epoch differ from what was sent.
            assert_eq!(records[..8], offset.to_be_bytes());
            assert_eq!(records[8..12], sent[8..12]);
            assert_eq!(records[16..], sent[16..]);
            assert_eq!(values(records), ["first", "second"]);
            offset += 2;
        }
    }
}

#[tokio::test]
async fn refused_batches_say_why() {
    let server = Server::start().await;
    let mut client = server.client().await;
    create(&mut client, "plain", 1, &[("max.message.bytes", "1000")]).await;
    create(&mut client, "compacted", 1, &[("cleanup.policy", "compact")]).await;
    let mut corrupt = batch(Codec::None, &["a"]).to_vec();
    *corrupt.last_mut().unwrap() ^= 1;
    let mut no_keys = BatchBuilder::new();
    no_keys.push(NO_TIMESTAMP, Some(b"k"), Some(b"v"), &[]);
    no_keys.push(NO_TIMESTAMP, None, Some(b"v"), &[]);
    let mut future = BatchBuilder::new();
    future.push(i64::MAX / 2, None, Some(b"v"), &[]);
    let mut transactional = BatchBuilder::new().producer(1, 0, 0).transactional();
    transactional.push(NO_TIMESTAMP, None, None, &[]);
    let cases = [
        ("plain", 0, Bytes::new(), ErrorCode::InvalidRecord),
        ("plain", 0, corrupt.into(), ErrorCode::CorruptMessage),
        ("plain", 0, batch(Codec::None, &[&"x".repeat(1000)]), ErrorCode::MessageTooLarge),
        ("plain", 0, future.build().unwrap(), ErrorCode::InvalidTimestamp),
        ("plain", 0, transactional.build().unwrap(), ErrorCode::InvalidTxnState),
        ("plain", 1, batch(Codec::None, &["a"]), ErrorCode::UnknownTopicOrPartition),
        ("plain", -1, batch(Codec::None, &["a"]), ErrorCode::UnknownTopicOrPartition),
        ("nowhere", 0, batch(Codec::None, &["a"]), ErrorCode::UnknownTopicOrPartition),
        ("compacted", 0, no_keys.build().unwrap(), ErrorCode::InvalidRecord),
    ];
    for (topic, index, records, expected) in cases {
        let answer = client.call(9, &produce(topic, index, -1, records)).await;
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!(partition.error_code, code(expected), "{topic} {index}: {:?}", partition.error_message);
        assert!(partition.error_message.is_some());
        assert_eq!(partition.base_offset, -1);
        if topic == "compacted" {
            assert_eq!(partition.record_errors.len(), 1);
            assert_eq!(partition.record_errors[0].batch_index, 1);
        }
    }
    let zstd = client.call(6, &produce("plain", 0, -1, batch(Codec::Zstd, &["a"]))).await;
    let error = zstd.responses[0].partition_responses[0].error_code;
    assert_eq!(error, code(ErrorCode::UnsupportedCompressionType));
    let acks = client.call(9, &produce("plain", 0, 2, batch(Codec::None, &["a"]))).await;
    assert_eq!(acks.responses[0].partition_responses[0].error_code, code(ErrorCode::InvalidRequiredAcks));
    let mut unknown = produce("", 0, -1, batch(Codec::None, &["a"]));
    unknown.topic_data[0].topic_id = Uuid::from_bytes([9; 16]);
    let answer = client.call(13, &unknown).await;
    assert_eq!(answer.responses[0].partition_responses[0].error_code, code(ErrorCode::UnknownTopicId));
}

#[tokio::test]
async fn idempotent_producers_repeat_without_a_copy() {
    let server = Server::start().await;
    let mut client = server.client().await;
    create(&mut client, "t", 1, &[]).await;
    let answer = client.call(4, &message!(InitProducerIdRequest { transactional_id: None })).await;
    assert_eq!((answer.error_code, answer.producer_epoch), (0, 0));
    let build = |sequence| {
        let mut builder = BatchBuilder::new().producer(answer.producer_id, 0, sequence);
        builder.push(NO_TIMESTAMP, None, Some(b"v"), &[]);
        builder.build().unwrap()
    };
    for (sequence, offset) in [(0, 0), (1, 1), (0, 0), (1, 1), (2, 2)] {
        let answer = client.call(9, &produce("t", 0, -1, build(sequence))).await;
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!((partition.error_code, partition.base_offset), (0, offset));
    }
    let gap = client.call(9, &produce("t", 0, -1, build(9))).await;
    let error = gap.responses[0].partition_responses[0].error_code;
    assert_eq!(error, code(ErrorCode::OutOfOrderSequenceNumber));

    let transactional = message!(InitProducerIdRequest { transactional_id: Some("tx".into()) });
    let answer = client.call(4, &transactional).await;
    assert_eq!(answer.error_code, code(ErrorCode::TransactionalIdAuthorizationFailed));
    let half = message!(InitProducerIdRequest { transactional_id: None, producer_id: 5 });
    assert_eq!(client.call(4, &half).await.error_code, code(ErrorCode::InvalidRequest));
}

#[tokio::test]
async fn metadata_creates_what_is_missing_and_knows_ids() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let by_name = |name: &str, create| {
        let topic = message!(MetadataRequestTopic { name: Some(name.into()) });
        message!(MetadataRequest { topics: Some(vec![topic]), allow_auto_topic_creation: create })
    };
    for version in 4..=13 {
        let answer = client.call(version, &by_name("missing", false)).await;
        assert_eq!(answer.topics[0].error_code, code(ErrorCode::UnknownTopicOrPartition));
    }
    let answer = client.call(9, &by_name("not a name", true)).await;
    assert_eq!(answer.topics[0].error_code, code(ErrorCode::InvalidTopicException));
    let answer = client.call(12, &by_name("made", true)).await;
    let made = &answer.topics[0];
    assert_eq!((made.error_code, made.partitions.len()), (0, 1));
    let partition = &made.partitions[0];
    assert_eq!((partition.leader_id, partition.replica_nodes.clone()), (1, vec![1]));
    let broker = &answer.brokers[0];
    assert_eq!((broker.host.as_str(), broker.port), ("127.0.0.1", i32::from(server.addr.port())));
    assert_eq!(answer.cluster_id.as_ref().unwrap().len(), 22);

    let by_id = |id| {
        let topic = message!(MetadataRequestTopic { topic_id: id, name: None });
        message!(MetadataRequest { topics: Some(vec![topic]) })
    };
    let answer = client.call(12, &by_id(made.topic_id)).await;
    assert_eq!(answer.topics[0].name.as_deref(), Some("made"));
    let answer = client.call(12, &by_id(Uuid::from_bytes([3; 16]))).await;
    assert_eq!(answer.topics[0].error_code, code(ErrorCode::UnknownTopicId));

    // All topics: version 0 says so with an empty list, later ones with null. The cached answer notices changes.
    for name in ["more", "most"] {
        create(&mut client, name, 2, &[]).await;
        for version in 0..=13 {
            let all = message!(MetadataRequest { topics: if version == 0 { Some(Vec::new()) } else { None } });
            let first = client.call(version, &all).await;
            assert!(first.topics.iter().any(|topic| topic.name.as_deref() == Some(name)));
            assert_eq!(client.call(version, &all).await, first);
        }
    }
    let none = message!(MetadataRequest { topics: Some(Vec::new()) });
    assert!(client.call(9, &none).await.topics.is_empty());
}

#[tokio::test]
async fn clients_are_sent_to_the_advertised_address() {
    let config = KafkaConfig::default();
    let advertised = config.advertised.clone();
    let server = Server::with(config, trine_broker::Access::allow_all()).await;
    let mut client = server.client().await;
    let all = message!(MetadataRequest { topics: None });
    assert_eq!(client.call(9, &all).await.brokers[0].host.as_str(), "127.0.0.1");
    advertised.set(Some(trine_net::HostPort::new("broker.example", 19_092)));
    let broker = client.call(9, &all).await.brokers.remove(0);
    assert_eq!((broker.host.as_str(), broker.port), ("broker.example", 19_092));
    let found = client.call(2, &message!(FindCoordinatorRequest { key: "g".into() })).await;
    assert_eq!((found.host.as_str(), found.port, found.node_id), ("broker.example", 19_092, 1));
    let found = client.call(4, &message!(FindCoordinatorRequest { coordinator_keys: vec!["g".into()] })).await;
    assert_eq!(found.coordinators[0].host.as_str(), "broker.example");
    let found = client.call(2, &message!(FindCoordinatorRequest { key: "t".into(), key_type: 1 })).await;
    assert_eq!(found.error_code, code(ErrorCode::InvalidRequest));
    let cluster = client.call(1, &message!(DescribeClusterRequest { endpoint_type: 1 })).await;
    assert_eq!(cluster.brokers[0].host.as_str(), "broker.example");
    let cluster = client.call(1, &message!(DescribeClusterRequest { endpoint_type: 2 })).await;
    assert_eq!(cluster.error_code, code(ErrorCode::MismatchedEndpointType));
}

#[tokio::test]
async fn offsets_are_found_by_time() {
    let server = Server::start().await;
    let mut client = server.client().await;
    create(&mut client, "t", 1, &[]).await;
    let mut builder = BatchBuilder::new().compression(Codec::Zstd);
    for time in [1000, 3000, 2000] {
        builder.push(time, None, Some(b"v"), &[]);
    }
    client.call(9, &produce("t", 0, -1, builder.build().unwrap())).await;
    let ask = |timestamp| {
        let partition = message!(ListOffsetsPartition { timestamp: timestamp, current_leader_epoch: -1 });
        let topic = message!(ListOffsetsTopic { name: "t".into(), partitions: vec![partition] });
        message!(ListOffsetsRequest { replica_id: -1, topics: vec![topic] })
    };
    for version in Api::of(ApiKey::ListOffsets).versions() {
        let expected = [
            (-1, 3, -1, 1),
            (-2, 0, -1, 1),
            (-3, 1, 3000, 7),
            (-4, 0, -1, 8),
            (-5, -1, -1, 9),
            (-6, -1, -1, 11),
            (0, 0, 1000, 1),
            (1001, 1, 3000, 1),
            (3001, -1, -1, 1),
        ];
        for (timestamp, offset, time, from) in expected {
            let answer = client.call(version, &ask(timestamp)).await;
            let partition = &answer.topics[0].partitions[0];
            if version < from {
                assert_eq!(partition.error_code, code(ErrorCode::UnsupportedVersion), "{timestamp} in {version}");
                continue;
            }
            assert_eq!((partition.error_code, partition.offset, partition.timestamp), (0, offset, time), "{timestamp}");
        }
    }
    let mut twice = ask(-1);
    let again = twice.topics[0].partitions[0].clone();
    twice.topics[0].partitions.push(again);
    let answer = client.call(7, &twice).await;
    assert_eq!(answer.topics[0].partitions[1].error_code, code(ErrorCode::InvalidRequest));
    let mut newer = ask(-1);
    newer.topics[0].partitions[0].current_leader_epoch = 99;
    let answer = client.call(7, &newer).await;
    assert_eq!(answer.topics[0].partitions[0].error_code, code(ErrorCode::UnknownLeaderEpoch));
}

#[tokio::test]
async fn fetch_sessions_tell_only_news() {
    let server = Server::start().await;
    let mut client = server.client().await;
    create(&mut client, "t", 2, &[]).await;
    let mut full = fetch("t", 0, 0, 0);
    let mut second = full.topics[0].partitions[0].clone();
    second.partition = 1;
    full.topics[0].partitions.push(second);
    full.session_epoch = 0;
    let answer = client.call(11, &full).await;
    let session = answer.session_id;
    assert_ne!(session, 0);
    assert_eq!(answer.responses[0].partitions.len(), 2);

    let next = |epoch| message!(FetchRequest { max_bytes: 1 << 20, session_id: session, session_epoch: epoch });
    let answer = client.call(11, &next(1)).await;
    assert!(answer.responses.is_empty(), "nothing happened");
    client.call(9, &produce("t", 1, -1, batch(Codec::None, &["a"]))).await;
    let answer = client.call(11, &next(2)).await;
    assert_eq!(answer.responses[0].partitions.len(), 1);
    assert_eq!(answer.responses[0].partitions[0].partition_index, 1);
    assert_eq!(values(answer.responses[0].partitions[0].records.as_ref().unwrap()), ["a"]);
    let answer = client.call(11, &next(2)).await;
    assert_eq!(answer.error_code, code(ErrorCode::InvalidFetchSessionEpoch));
    let answer = client.call(11, &message!(FetchRequest { session_id: session ^ 1, session_epoch: 1 })).await;
    assert_eq!(answer.error_code, code(ErrorCode::FetchSessionIdNotFound));

    // The topic is deleted: the session says so. Made again, it is read again, under its name.
    let delete = message!(DeleteTopicsRequest { topic_names: vec!["t".into()] });
    assert_eq!(client.call(5, &delete).await.responses[0].error_code, 0);
    let answer = client.call(11, &next(3)).await;
    assert_eq!(answer.responses[0].partitions[0].error_code, code(ErrorCode::UnknownTopicOrPartition));
    create(&mut client, "t", 2, &[]).await;
    let answer = client.call(11, &next(4)).await;
    assert_eq!(answer.responses[0].partitions[0].error_code, 0);
}

/// A parked fetch of a topic that is deleted is answered with an error, by id as by name.
#[tokio::test]
async fn a_deleted_topic_ends_parked_fetches() {
    let server = Server::start().await;
    let mut admin = server.client().await;
    for (version, expected) in [(12, ErrorCode::UnknownTopicOrPartition), (13, ErrorCode::UnknownTopicId)] {
        let id = create(&mut admin, "t", 1, &[]).await;
        let mut client = server.client().await;
        let mut request = fetch("t", 0, 0, 60_000);
        if version >= 13 {
            request.topics[0].topic = "".into();
            request.topics[0].topic_id = id;
        }
        let api = Api::of(ApiKey::Fetch);
        client.send(api, version, &encode(&request, version)).await;
        while server.broker.stats().fetches_parked == 0 {
            tokio::task::yield_now().await;
        }
        let state = message!(DeleteTopicState { topic_id: id, name: None });
        let answer = admin.call(6, &message!(DeleteTopicsRequest { topics: vec![state] })).await;
        assert_eq!(answer.responses[0].error_code, 0);
        assert_eq!(answer.responses[0].name.as_deref(), Some("t"));
        let (_, body) = tokio::time::timeout(PATIENCE, client.receive()).await.unwrap().unwrap();
        let answer: FetchResponse = decode(api, version, body);
        assert_eq!(answer.responses[0].partitions[0].error_code, code(expected));
    }
}

#[tokio::test]
async fn topics_are_created_with_care() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let topic = |name: &str, partitions, replicas| {
        message!(CreatableTopic { name: name.into(), num_partitions: partitions, replication_factor: replicas })
    };
    let config = |name: &str, value: Option<&str>| {
        let config = message!(CreatableTopicConfig { name: name.into(), value: value.map(Into::into) });
        message!(CreatableTopic { name: "c".into(), num_partitions: 1, replication_factor: 1, configs: vec![config] })
    };
    let assigned = |assignments: &[(i32, &[i32])]| {
        let assignment = |(index, brokers): &(i32, &[i32])| {
            message!(CreatableReplicaAssignment { partition_index: *index, broker_ids: brokers.to_vec() })
        };
        let assignments = assignments.iter().map(assignment).collect();
        message!(CreatableTopic {
            name: "a".into(),
            num_partitions: -1,
            replication_factor: -1,
            assignments: assignments
        })
    };
    let cases = [
        (topic("a b", 1, 1), ErrorCode::InvalidTopicException),
        (topic("t", 0, 1), ErrorCode::InvalidPartitions),
        (topic("t", -2, 1), ErrorCode::InvalidPartitions),
        (topic("t", i32::MAX, 1), ErrorCode::InvalidPartitions),
        (topic("t", 1, 0), ErrorCode::InvalidReplicationFactor),
        (topic("t", 1, -2), ErrorCode::InvalidReplicationFactor),
        (config("no.such.setting", Some("1")), ErrorCode::InvalidConfig),
        (config("retention.ms", Some("soon")), ErrorCode::InvalidConfig),
        (config("retention.ms", None), ErrorCode::InvalidConfig),
        (assigned(&[(0, &[1]), (2, &[1])]), ErrorCode::InvalidReplicaAssignment),
        (assigned(&[(0, &[7])]), ErrorCode::InvalidReplicaAssignment),
        (assigned(&[(1, &[1]), (0, &[1])]), ErrorCode::None),
        (topic("t", 3, 3), ErrorCode::None),
        (topic("t", 3, 3), ErrorCode::TopicAlreadyExists),
        (topic("d.e", -1, -1), ErrorCode::None),
        (topic("d_e", 1, 1), ErrorCode::InvalidTopicException),
    ];
    for (i, (topic, expected)) in cases.into_iter().enumerate() {
        let answer = client.call(7, &message!(CreateTopicsRequest { topics: vec![topic] })).await;
        let result = &answer.topics[0];
        assert_eq!(result.error_code, code(expected), "case {i}: {:?}", result.error_message);
        if expected == ErrorCode::None {
            assert_eq!(result.replication_factor, 1);
            assert!(result.configs.as_ref().unwrap().len() > 20);
        }
    }
    let twice = message!(CreateTopicsRequest { topics: vec![topic("x", 1, 1), topic("x", 1, 1)] });
    let answer = client.call(5, &twice).await;
    assert_eq!(answer.topics.len(), 1);
    assert_eq!(answer.topics[0].error_code, code(ErrorCode::InvalidRequest));
    let dry = message!(CreateTopicsRequest { topics: vec![topic("dry", 1, 1)], validate_only: true });
    assert_eq!(client.call(5, &dry).await.topics[0].error_code, 0);
    assert!(server.broker.catalog().topic("dry").is_none());
}

#[tokio::test]
async fn a_server_may_insist_on_the_replicas_it_has() {
    let config = KafkaConfig { any_replication_factor: false, ..KafkaConfig::default() };
    let server = Server::with(config, trine_broker::Access::allow_all()).await;
    let mut client = server.client().await;
    for (replicas, expected) in
        [(3, ErrorCode::InvalidReplicationFactor), (2, ErrorCode::InvalidReplicationFactor), (1, ErrorCode::None)]
    {
        let asked = message!(CreatableTopic { name: "t".into(), num_partitions: 1, replication_factor: replicas });
        let answer = client.call(7, &message!(CreateTopicsRequest { topics: vec![asked] })).await;
        assert_eq!(answer.topics[0].error_code, code(expected), "{replicas} replicas");
    }
}

#[tokio::test]
async fn settings_are_shown_and_changed() {
    let server = Server::start().await;
    let mut client = server.client().await;
    create(&mut client, "t", 1, &[("retention.ms", "1234")]).await;
    let describe = |kind, name: &str, keys: Option<&[&str]>| {
        let keys = keys.map(|keys| keys.iter().map(|key| (*key).into()).collect());
        let resource = message!(DescribeConfigsResource {
            resource_type: kind,
            resource_name: name.into(),
            configuration_keys: keys,
        });
        message!(DescribeConfigsRequest {
            resources: vec![resource],
            include_synonyms: true,
            include_documentation: true,
        })
    };
    let answer = client.call(4, &describe(2, "t", Some(&["retention.ms", "no.such.setting", "cleanup.policy"]))).await;
    let configs = &answer.results[0].configs;
    assert_eq!(configs.len(), 2, "unknown keys are left out");
    let retention = configs.iter().find(|c| c.name.as_str() == "retention.ms").unwrap();
    assert_eq!((retention.value.as_deref(), retention.config_source, retention.config_type), (Some("1234"), 1, 5));
    assert_eq!(retention.synonyms.len(), 2);
    assert!(retention.documentation.is_some());
    let policy = configs.iter().find(|c| c.name.as_str() == "cleanup.policy").unwrap();
    assert_eq!((policy.value.as_deref(), policy.config_source, policy.config_type), (Some("delete"), 5, 7));
    let answer = client.call(3, &describe(2, "nowhere", None)).await;
    assert_eq!(answer.results[0].error_code, code(ErrorCode::UnknownTopicOrPartition));
    let answer = client.call(4, &describe(4, "1", None)).await;
    let broker = &answer.results[0].configs;
    for key in ["advertised.listeners", "log.retention.ms", "message.max.bytes", "num.partitions"] {
        assert!(broker.iter().any(|c| c.name.as_str() == key && c.read_only), "{key}");
    }
    assert_eq!(client.call(4, &describe(4, "77", None)).await.results[0].error_code, code(ErrorCode::InvalidRequest));
    assert_eq!(client.call(4, &describe(32, "g", None)).await.results[0].error_code, code(ErrorCode::InvalidRequest));

    let change = |name: &str, op, value: Option<&str>| {
        let config =
            message!(AlterableConfig { name: name.into(), config_operation: op, value: value.map(Into::into) });
        let resource =
            message!(AlterConfigsResource { resource_type: 2, resource_name: "t".into(), configs: vec![config] });
        message!(IncrementalAlterConfigsRequest { resources: vec![resource] })
    };
    let cases = [
        (change("cleanup.policy", 2, Some("compact")), ErrorCode::None, "cleanup.policy", "delete,compact"),
        (change("cleanup.policy", 3, Some("delete")), ErrorCode::None, "cleanup.policy", "compact"),
        (change("retention.ms", 2, Some("1")), ErrorCode::InvalidConfig, "retention.ms", "1234"),
        (change("retention.ms", 0, None), ErrorCode::InvalidRequest, "retention.ms", "1234"),
        (change("retention.ms", 9, Some("1")), ErrorCode::InvalidRequest, "retention.ms", "1234"),
        (change("retention.ms", 0, Some("5000")), ErrorCode::None, "retention.ms", "5000"),
        (change("retention.ms", 1, None), ErrorCode::None, "retention.ms", "604800000"),
        (change("nonsense", 0, Some("1")), ErrorCode::InvalidConfig, "retention.ms", "604800000"),
    ];
    for (i, (request, expected, key, value)) in cases.into_iter().enumerate() {
        let answer = client.call(1, &request).await;
        assert_eq!(answer.responses[0].error_code, code(expected), "case {i}: {:?}", answer.responses[0].error_message);
        let answer = client.call(4, &describe(2, "t", Some(&[key]))).await;
        assert_eq!(answer.results[0].configs[0].value.as_deref(), Some(value), "case {i}");
    }
    // The old way replaces everything.
    let config = message!(alter_configs_request::AlterableConfig {
        name: "segment.bytes".into(),
        value: Some("2000000".into()),
    });
    let resource = message!(alter_configs_request::AlterConfigsResource {
        resource_type: 2,
        resource_name: "t".into(),
        configs: vec![config],
    });
    let answer = client.call(2, &message!(AlterConfigsRequest { resources: vec![resource] })).await;
    assert_eq!(answer.responses[0].error_code, 0);
    let answer = client.call(4, &describe(2, "t", Some(&["cleanup.policy", "segment.bytes"]))).await;
    let shown: Vec<_> = answer.results[0].configs.iter().map(|c| c.value.as_deref().unwrap()).collect();
    assert_eq!(shown, ["delete", "2000000"]);
}

#[tokio::test]
async fn records_are_deleted_and_partitions_added() {
    use kafka_wire::{
        create_partitions_request::CreatePartitionsTopic,
        delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
    };
    let server = Server::start().await;
    let mut client = server.client().await;
    create(&mut client, "t", 1, &[]).await;
    create(&mut client, "compacted", 1, &[("cleanup.policy", "compact")]).await;
    client.call(9, &produce("t", 0, -1, batch(Codec::None, &["a", "b", "c"]))).await;
    let delete = |topic: &str, offset| {
        let partition = message!(DeleteRecordsPartition { offset: offset });
        let topic = message!(DeleteRecordsTopic { name: topic.into(), partitions: vec![partition] });
        message!(DeleteRecordsRequest { topics: vec![topic] })
    };
    let cases = [
        ("t", 2, 0, 2),
        ("t", 1, 0, 2),
        ("t", 9, code(ErrorCode::OffsetOutOfRange), -1),
        ("t", -2, code(ErrorCode::OffsetOutOfRange), -1),
        ("t", -1, 0, 3),
        ("compacted", -1, code(ErrorCode::PolicyViolation), -1),
        ("nowhere", 0, code(ErrorCode::UnknownTopicOrPartition), -1),
    ];
    for (topic, offset, error, low) in cases {
        let answer = client.call(2, &delete(topic, offset)).await;
        let partition = &answer.topics[0].partitions[0];
        assert_eq!((partition.error_code, partition.low_watermark), (error, low), "{topic} {offset}");
    }
    let answer = client.call(11, &fetch("t", 0, 0, 0)).await;
    assert_eq!(answer.responses[0].partitions[0].error_code, code(ErrorCode::OffsetOutOfRange));

    let grow = |topic: &str, count| {
        let topic = message!(CreatePartitionsTopic { name: topic.into(), count: count, assignments: None });
        message!(CreatePartitionsRequest { topics: vec![topic] })
    };
    for (topic, count, expected) in [
        ("t", 3, ErrorCode::None),
        ("t", 3, ErrorCode::InvalidPartitions),
        ("t", 2, ErrorCode::InvalidPartitions),
        ("t", -1, ErrorCode::InvalidPartitions),
        ("nowhere", 5, ErrorCode::UnknownTopicOrPartition),
    ] {
        let answer = client.call(3, &grow(topic, count)).await;
        assert_eq!(answer.results[0].error_code, code(expected), "{topic} {count}");
    }
    let answer = client.call(11, &fetch("t", 2, 0, 0)).await;
    assert_eq!(answer.responses[0].partitions[0].error_code, 0);
}

#[tokio::test]
async fn topics_are_described_page_by_page() {
    let server = Server::start().await;
    let mut client = server.client().await;
    create(&mut client, "a", 3, &[]).await;
    create(&mut client, "b", 4, &[]).await;
    let mut seen = Vec::new();
    let mut request = message!(DescribeTopicPartitionsRequest { response_partition_limit: 2 });
    loop {
        let answer = client.call(0, &request).await;
        let page: usize = answer.topics.iter().map(|topic| topic.partitions.len()).sum();
        assert!(page <= 2);
        for topic in &answer.topics {
            seen.extend(
                topic.partitions.iter().map(|p| format!("{}{}", topic.name.as_deref().unwrap(), p.partition_index)),
            );
        }
        let Some(next) = answer.next_cursor else { break };
        request.cursor = Some(message!(describe_topic_partitions_request::Cursor {
            topic_name: next.topic_name,
            partition_index: next.partition_index,
        }));
    }
    assert_eq!(seen, ["a0", "a1", "a2", "b0", "b1", "b2", "b3"]);
}
