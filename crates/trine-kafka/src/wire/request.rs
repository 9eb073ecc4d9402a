//! A request of any API, decoded.

use bytes::Bytes;

use super::{
    ApiKey, RequestHeader, WireError, api_versions::ApiVersionsRequest, control, fetch::FetchRequest,
    produce::ProduceRequest,
};

macro_rules! requests {
    (by_hand { $($hand:ident($hand_type:ty)),* $(,)? } control { $($name:ident($type:ident)),* $(,)? }) => {
        /// The body of a request, by API.
        #[derive(Clone, Debug)]
        #[allow(missing_docs, reason = "the names are the protocol's own")]
        pub enum Request {
            $($hand($hand_type),)*
            $($name(control::$type),)*
        }

        impl Request {
            /// Reads the body of the request with this header, which must be served.
            pub fn decode(header: &RequestHeader, body: &Bytes) -> Result<Self, WireError> {
                Ok(match header.api.key {
                    $(ApiKey::$hand => Self::$hand(<$hand_type>::decode(body, header.version)?),)*
                    $(ApiKey::$name => Self::$name(control::decode(header, body)?),)*
                })
            }
        }
    };
}

requests! {
    by_hand {
        Produce(ProduceRequest),
        Fetch(FetchRequest),
        ApiVersions(ApiVersionsRequest),
    }
    control {
        ListOffsets(ListOffsetsRequest),
        Metadata(MetadataRequest),
        OffsetCommit(OffsetCommitRequest),
        OffsetFetch(OffsetFetchRequest),
        FindCoordinator(FindCoordinatorRequest),
        JoinGroup(JoinGroupRequest),
        Heartbeat(HeartbeatRequest),
        LeaveGroup(LeaveGroupRequest),
        SyncGroup(SyncGroupRequest),
        DescribeGroups(DescribeGroupsRequest),
        ListGroups(ListGroupsRequest),
        CreateTopics(CreateTopicsRequest),
        DeleteTopics(DeleteTopicsRequest),
        DeleteRecords(DeleteRecordsRequest),
        InitProducerId(InitProducerIdRequest),
        OffsetForLeaderEpoch(OffsetForLeaderEpochRequest),
        DescribeConfigs(DescribeConfigsRequest),
        AlterConfigs(AlterConfigsRequest),
        DescribeLogDirs(DescribeLogDirsRequest),
        CreatePartitions(CreatePartitionsRequest),
        DeleteGroups(DeleteGroupsRequest),
        ElectLeaders(ElectLeadersRequest),
        IncrementalAlterConfigs(IncrementalAlterConfigsRequest),
        ListPartitionReassignments(ListPartitionReassignmentsRequest),
        OffsetDelete(OffsetDeleteRequest),
        DescribeCluster(DescribeClusterRequest),
        DescribeTopicPartitions(DescribeTopicPartitionsRequest),
    }
}
