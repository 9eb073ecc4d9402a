//! Every advertised API and version is decoded, handled and encoded.

mod common;

use common::{Server, decode, encode};
use kafka_wire::{KafkaRequest, RequestResponsePair, *};
use kafka_wire_core::{KafkaDecode, KafkaEncode};
use trine_kafka::wire::{APIS, Api};

/// Sends a request in every version that is served; the answer must decode to its last byte.
async fn every_version<R>(server: &Server, request: R) -> i16
where
    R: RequestResponsePair + KafkaEncode + KafkaRequest,
    R::Response: KafkaDecode,
{
    let api = Api::find(R::API_KEY.value()).expect("not in the table");
    let mut client = server.client().await;
    for version in api.versions() {
        let id = client.send(api, version, &encode(&request, version)).await;
        let answer = client.receive().await;
        let (answered, body) = answer.unwrap_or_else(|| panic!("{} version {version}: closed", api.name));
        assert_eq!(answered, id, "{} version {version}", api.name);
        let _: R::Response = decode(api, version, body);
    }
    api.key as i16
}

#[tokio::test]
async fn every_advertised_pair_is_served() {
    let server = Server::start().await;
    let mut produce = ProduceRequest::default();
    produce.acks = 1;
    let mut seen = Vec::new();
    macro_rules! serve {
        ($($request:expr),* $(,)?) => { $(seen.push(every_version(&server, $request).await);)* };
    }
    serve!(
        produce,
        FetchRequest::default(),
        ListOffsetsRequest::default(),
        MetadataRequest::default(),
        OffsetCommitRequest::default(),
        OffsetFetchRequest::default(),
        FindCoordinatorRequest::default(),
        JoinGroupRequest::default(),
        HeartbeatRequest::default(),
        LeaveGroupRequest::default(),
        SyncGroupRequest::default(),
        DescribeGroupsRequest::default(),
        ListGroupsRequest::default(),
        ApiVersionsRequest::default(),
        CreateTopicsRequest::default(),
        DeleteTopicsRequest::default(),
        DeleteRecordsRequest::default(),
        InitProducerIdRequest::default(),
        OffsetForLeaderEpochRequest::default(),
        DescribeConfigsRequest::default(),
        AlterConfigsRequest::default(),
        DescribeLogDirsRequest::default(),
        CreatePartitionsRequest::default(),
        DeleteGroupsRequest::default(),
        ElectLeadersRequest::default(),
        IncrementalAlterConfigsRequest::default(),
        ListPartitionReassignmentsRequest::default(),
        OffsetDeleteRequest::default(),
        DescribeClusterRequest::default(),
        DescribeTopicPartitionsRequest::default(),
    );
    let table: Vec<i16> = APIS.iter().map(|api| api.key as i16).collect();
    assert_eq!(seen, table, "an API of the table is not tested");
    assert_eq!(server.kafka.stats().malformed, 0);
    let requests: u64 = server.kafka.stats().apis.iter().map(|api| api.requests).sum();
    let pairs: usize = APIS.iter().map(|api| api.versions().count()).sum();
    assert_eq!(requests, pairs as u64);
}
