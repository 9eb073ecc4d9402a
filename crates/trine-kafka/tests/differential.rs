//! The hand-written codecs against another implementation (`kafka-protocol`, a test oracle only), in every version.

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::{
    messages::{self as oracle, BrokerId, TopicName, TransactionalId},
    protocol::{Decodable, Encodable, StrBytes},
};
use proptest::prelude::*;
use trine_kafka::wire::{
    APIS, Api, ApiKey, RequestHeader, ResponseBuf, Text, TopicKey,
    api_versions::{self, ApiVersionsRequest},
    fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionFetched},
    produce::{PartitionProduced, ProducePartition, ProduceRequest, ProduceResponse, ProduceTopic},
};
use trine_types::Uuid;

fn header(key: ApiKey, version: i16) -> RequestHeader {
    RequestHeader { api: Api::of(key), version, correlation_id: 77, client_id: Text::default() }
}

/// The body the oracle writes.
fn encode(message: &impl Encodable, version: i16) -> Bytes {
    let mut out = BytesMut::new();
    message.encode(&mut out, version).unwrap();
    out.freeze()
}

/// What the oracle reads from a frame of ours; nothing may be left over.
fn decode<M: Decodable>(header: &RequestHeader, response: ResponseBuf) -> M {
    let encoded = response.finish();
    let mut frame = Bytes::from(encoded.to_vec());
    assert_eq!(frame.len(), encoded.len());
    assert_eq!(frame.get_u32() as usize, frame.len());
    assert_eq!(frame.get_i32(), 77);
    if header.response_header_is_flexible() {
        assert_eq!(frame.get_u8(), 0);
    }
    let message = M::decode(&mut frame, header.version).unwrap();
    assert!(frame.is_empty(), "{} bytes too many", frame.len());
    message
}

fn topic_key(by_id: bool, name: &str) -> TopicKey {
    if by_id { TopicKey::Id(id_of(name)) } else { TopicKey::Name(Text::from(name)) }
}

fn id_of(name: &str) -> Uuid {
    let mut id = [7; 16];
    id[..name.len().min(16)].copy_from_slice(&name.as_bytes()[..name.len().min(16)]);
    Uuid(id)
}

fn oracle_topic(by_id: bool, name: &str) -> (TopicName, uuid::Uuid) {
    if by_id {
        (TopicName::default(), uuid::Uuid::from_bytes(id_of(name).0))
    } else {
        (TopicName(StrBytes::from(name.to_owned())), uuid::Uuid::nil())
    }
}

fn names() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec("[a-z]{1,12}", 0..4)
}

fn numbers() -> impl Strategy<Value = Vec<(i32, i64, Option<Vec<u8>>)>> {
    let bytes = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..300));
    proptest::collection::vec((any::<i32>(), any::<i64>(), bytes), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn produce_requests(
        transactional_id in proptest::option::of("[a-z]{0,8}"), acks: i16, timeout: i32, names in names(), numbers in numbers(),
    ) {
        for version in Api::of(ApiKey::Produce).versions() {
            let by_id = version >= 13;
            let message = oracle::ProduceRequest::default()
                .with_transactional_id(transactional_id.clone().map(|id| TransactionalId(StrBytes::from(id))))
                .with_acks(acks)
                .with_timeout_ms(timeout)
                .with_topic_data(names.iter().map(|name| {
                    let (name, id) = oracle_topic(by_id, name);
                    oracle::produce_request::TopicProduceData::default().with_name(name).with_topic_id(id)
                        .with_partition_data(numbers.iter().map(|(index, _, bytes)| {
                            oracle::produce_request::PartitionProduceData::default()
                                .with_index(*index)
                                .with_records(bytes.clone().map(Bytes::from))
                        }).collect())
                }).collect());
            let body = encode(&message, version);
            let expected = ProduceRequest {
                transactional_id: transactional_id.as_deref().map(Text::from),
                acks,
                timeout_ms: timeout,
                topics: names.iter().map(|name| ProduceTopic {
                    topic: topic_key(by_id, name),
                    partitions: numbers.iter().map(|(index, _, bytes)| ProducePartition {
                        index: *index,
                        records: bytes.clone().map(Bytes::from),
                    }).collect(),
                }).collect(),
            };
            prop_assert_eq!(ProduceRequest::decode(&body, version), Ok(expected), "version {}", version);
        }
    }

    #[test]
    fn produce_responses(names in names(), numbers in numbers(), error: i16, message in proptest::option::of("[a-z ]{0,40}")) {
        for version in Api::of(ApiKey::Produce).versions() {
            let by_id = version >= 13;
            let response = ProduceResponse {
                topics: names.iter().map(|name| (topic_key(by_id, name), numbers.iter().map(|(index, offset, bytes)| {
                    PartitionProduced {
                        index: *index,
                        error,
                        base_offset: *offset,
                        log_append_time_ms: offset.wrapping_add(1),
                        log_start_offset: offset.wrapping_add(2),
                        record_errors: bytes.iter().flatten().map(|b| (i32::from(*b), "bad")).collect(),
                        error_message: message.clone(),
                    }
                }).collect())).collect(),
            };
            let header = header(ApiKey::Produce, version);
            let mut out = ResponseBuf::new(&header);
            response.encode(&header, &mut out);
            let read: oracle::ProduceResponse = decode(&header, out);
            prop_assert_eq!(read.throttle_time_ms, 0);
            prop_assert_eq!(read.responses.len(), names.len());
            for (read, name) in read.responses.iter().zip(&names) {
                let (name, id) = oracle_topic(by_id, name);
                prop_assert_eq!((&read.name, read.topic_id), (&name, id));
                prop_assert_eq!(read.partition_responses.len(), numbers.len());
                for (read, (index, offset, bytes)) in read.partition_responses.iter().zip(&numbers) {
                    prop_assert_eq!((read.index, read.error_code, read.base_offset), (*index, error, *offset));
                    prop_assert_eq!(read.log_append_time_ms, offset.wrapping_add(1));
                    if version >= 5 {
                        prop_assert_eq!(read.log_start_offset, offset.wrapping_add(2));
                    }
                    if version >= 8 {
                        prop_assert_eq!(read.record_errors.len(), bytes.iter().flatten().count());
                        prop_assert_eq!(read.error_message.as_deref(), message.as_deref());
                    }
                }
            }
        }
    }

    #[test]
    fn fetch_requests(
        wait: i32, bytes: i32, isolation: i8, session: (i32, i32), names in names(), numbers in numbers(),
    ) {
        for version in Api::of(ApiKey::Fetch).versions() {
            let by_id = version >= 13;
            let message = oracle::FetchRequest::default()
                .with_replica_id(BrokerId(-1))
                .with_max_wait_ms(wait)
                .with_min_bytes(bytes)
                .with_max_bytes(bytes.wrapping_add(1))
                .with_isolation_level(isolation)
                .with_session_id(if version >= 7 { session.0 } else { 0 })
                .with_session_epoch(if version >= 7 { session.1 } else { -1 })
                .with_rack_id(StrBytes::from_static_str(if version >= 11 { "rack" } else { "" }))
                .with_forgotten_topics_data(if version < 7 { Vec::new() } else { names.iter().map(|name| {
                    let (name, id) = oracle_topic(by_id, name);
                    oracle::fetch_request::ForgottenTopic::default().with_topic(name).with_topic_id(id).with_partitions(vec![3, 1])
                }).collect() })
                .with_topics(names.iter().map(|name| {
                    let (name, id) = oracle_topic(by_id, name);
                    oracle::fetch_request::FetchTopic::default().with_topic(name).with_topic_id(id)
                        .with_partitions(numbers.iter().map(|(index, offset, _)| {
                            let mut partition = oracle::fetch_request::FetchPartition::default()
                                .with_partition(*index)
                                .with_fetch_offset(*offset)
                                .with_current_leader_epoch(if version >= 9 { 5 } else { -1 })
                                .with_last_fetched_epoch(if version >= 12 { 4 } else { -1 })
                                .with_log_start_offset(-1)
                                .with_partition_max_bytes(index.wrapping_add(1));
                            if version >= 17 {
                                partition = partition.with_replica_directory_id(uuid::Uuid::from_bytes([1; 16]));
                            }
                            partition
                        }).collect())
                }).collect());
            let body = encode(&message, version);
            let expected = FetchRequest {
                max_wait_ms: wait,
                min_bytes: bytes,
                max_bytes: bytes.wrapping_add(1),
                isolation_level: isolation,
                session_id: if version >= 7 { session.0 } else { 0 },
                session_epoch: if version >= 7 { session.1 } else { -1 },
                topics: names.iter().map(|name| FetchTopic {
                    topic: topic_key(by_id, name),
                    partitions: numbers.iter().map(|(index, offset, _)| FetchPartition {
                        index: *index,
                        current_leader_epoch: if version >= 9 { 5 } else { -1 },
                        fetch_offset: *offset,
                        last_fetched_epoch: if version >= 12 { 4 } else { -1 },
                        max_bytes: index.wrapping_add(1),
                    }).collect(),
                }).collect(),
                forgotten: if version < 7 { Vec::new() } else {
                    names.iter().map(|name| (topic_key(by_id, name), vec![3, 1])).collect()
                },
            };
            prop_assert_eq!(FetchRequest::decode(&body, version), Ok(expected), "version {}", version);
        }
    }

    #[test]
    fn fetch_responses(names in names(), numbers in numbers(), error: i16, session: i32, read_committed: bool) {
        for version in Api::of(ApiKey::Fetch).versions() {
            let by_id = version >= 13;
            let response = FetchResponse {
                error,
                session_id: session,
                read_committed,
                topics: names.iter().map(|name| (topic_key(by_id, name), numbers.iter().map(|(index, offset, bytes)| {
                    let records = Bytes::from(bytes.clone().unwrap_or_default());
                    let half = records.len() / 2;
                    PartitionFetched {
                        index: *index,
                        error,
                        high_watermark: *offset,
                        last_stable: offset.wrapping_add(1),
                        log_start: offset.wrapping_add(2),
                        diverging: bytes.is_none().then_some((4, *offset)),
                        records: vec![records.slice(..half), records.slice(half..)],
                    }
                }).collect())).collect(),
            };
            let header = header(ApiKey::Fetch, version);
            let mut out = ResponseBuf::new(&header);
            response.encode(&header, &mut out);
            let read: oracle::FetchResponse = decode(&header, out);
            if version >= 7 {
                prop_assert_eq!((read.error_code, read.session_id), (error, session));
            }
            prop_assert_eq!(read.responses.len(), names.len());
            for (read, name) in read.responses.iter().zip(&names) {
                let (name, id) = oracle_topic(by_id, name);
                prop_assert_eq!((&read.topic, read.topic_id), (&name, id));
                for (read, (index, offset, bytes)) in read.partitions.iter().zip(&numbers) {
                    prop_assert_eq!((read.partition_index, read.error_code, read.high_watermark), (*index, error, *offset));
                    prop_assert_eq!(read.last_stable_offset, offset.wrapping_add(1));
                    if version >= 5 {
                        prop_assert_eq!(read.log_start_offset, offset.wrapping_add(2));
                    }
                    prop_assert_eq!(read.aborted_transactions.as_ref().map(Vec::len), read_committed.then_some(0));
                    prop_assert_eq!(read.preferred_read_replica, BrokerId(-1));
                    prop_assert_eq!(read.records.as_deref(), Some(bytes.as_deref().unwrap_or_default()));
                    if version >= 12 {
                        let diverging = if bytes.is_none() { (4, *offset) } else { (-1, -1) };
                        prop_assert_eq!((read.diverging_epoch.epoch, read.diverging_epoch.end_offset), diverging);
                    }
                }
            }
        }
    }
}

#[test]
fn api_versions_requests() {
    for version in 0..=4 {
        let mut message = oracle::ApiVersionsRequest::default();
        if version >= 3 {
            message = message
                .with_client_software_name(StrBytes::from_static_str("name"))
                .with_client_software_version(StrBytes::from_static_str("1.2"));
        }
        let read = ApiVersionsRequest::decode(&encode(&message, version), version).unwrap();
        assert_eq!(read.software, (version >= 3).then(|| (Text::from("name"), Text::from("1.2"))));
        assert_eq!(read.expected, (None, -1));
    }
    // Version 5 is newer than the oracle: name "a", version "1", cluster "c", node 3, no tags.
    let body = Bytes::from_static(&[2, b'a', 2, b'1', 2, b'c', 0, 0, 0, 3, 0]);
    let read = ApiVersionsRequest::decode(&body, 5).unwrap();
    assert_eq!(read.expected, (Some(Text::from("c")), 3));
}

#[test]
fn api_versions_responses() {
    for version in 0..=4 {
        let header = header(ApiKey::ApiVersions, version);
        let mut out = ResponseBuf::new(&header);
        api_versions::encode(&header, 0, &mut out);
        let read: oracle::ApiVersionsResponse = decode(&header, out);
        let listed: Vec<_> = read.api_keys.iter().map(|k| (k.api_key, k.min_version, k.max_version)).collect();
        let table: Vec<_> = APIS.iter().map(|api| (api.key as i16, api.min, api.max)).collect();
        assert_eq!(listed, table);
        assert_eq!(read.error_code, 0);
        assert!(read.supported_features.is_empty() && read.finalized_features.is_empty());
        assert_eq!(read.finalized_features_epoch, -1);
    }
}

/// A version above ours gets an answer of version 0 with one entry, whatever the client would have liked.
#[test]
fn api_versions_of_the_future() {
    let header = header(ApiKey::ApiVersions, 99);
    let mut out = ResponseBuf::new(&header);
    api_versions::encode(&header, 35, &mut out);
    let frame = out.finish().to_vec();
    assert_eq!(frame, [0, 0, 0, 16, 0, 0, 0, 77, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 5]);
}

/// Debian's librdkafka 2.0.2 skips one byte too few per tagged field: there must be none.
#[test]
fn api_versions_has_no_tagged_fields() {
    let header = header(ApiKey::ApiVersions, 3);
    let mut out = ResponseBuf::new(&header);
    api_versions::encode(&header, 0, &mut out);
    let frame = out.finish().to_vec();
    // Length, correlation id, error, count + 1, entries of 6 bytes and no tags, throttle time, no tags.
    assert_eq!(frame.len(), 4 + 4 + 2 + 1 + 7 * APIS.len() + 4 + 1);
    assert_eq!(frame.last(), Some(&0));
}
