//! The control plane: every API that is not written by hand, through `kafka-wire`. Nothing outside of this module and the handlers' use of the message
//! types depends on that crate.

use bytes::Bytes;
pub use kafka_wire::{
    AlterConfigsRequest, AlterConfigsResponse, CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest,
    CreateTopicsResponse, DeleteGroupsRequest, DeleteGroupsResponse, DeleteRecordsRequest, DeleteRecordsResponse,
    DeleteTopicsRequest, DeleteTopicsResponse, DescribeClusterRequest, DescribeClusterResponse, DescribeConfigsRequest,
    DescribeConfigsResponse, DescribeGroupsRequest, DescribeGroupsResponse, DescribeLogDirsRequest,
    DescribeLogDirsResponse, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, ElectLeadersRequest,
    ElectLeadersResponse, FindCoordinatorRequest, FindCoordinatorResponse, HeartbeatRequest, HeartbeatResponse,
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, InitProducerIdRequest, InitProducerIdResponse,
    JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse, ListGroupsRequest, ListGroupsResponse,
    ListOffsetsRequest, ListOffsetsResponse, ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
    MetadataRequest, MetadataResponse, OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest,
    OffsetDeleteResponse, OffsetFetchRequest, OffsetFetchResponse, OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse, SyncGroupRequest, SyncGroupResponse,
};
use kafka_wire_core::{ApiVersion, DecodeLimits, Decoder, KafkaDecode};

use super::{RequestHeader, WireError};

/// Most bytes of one control-plane request. The largest legitimate ones (assignments of a group with 100 000 partitions) have a few megabytes.
pub const CONTROL_BYTES_MAX: usize = 16 << 20;
/// Most elements of one array: what a topic of the largest size needs, with room.
const ARRAY_ELEMENTS_MAX: usize = 200_000;
/// Longest string: what the two-byte length of older versions can say.
const STRING_BYTES_MAX: usize = i16::MAX as usize;
/// Most tagged fields of one struct, and their bytes together. No client sends any that this server does not know by name.
const TAGS_MAX: usize = 16;
const TAG_BYTES_MAX: usize = 4096;

/// Reads the body of a control-plane request. Arrays grow as elements are read and have at most as many elements as the body has bytes.
/// Bytes after the message are ignored, as Apache Kafka does.
pub fn decode<M: KafkaDecode>(header: &RequestHeader, body: &Bytes) -> Result<M, WireError> {
    let mut limits = DecodeLimits::default();
    limits.max_frame_bytes = CONTROL_BYTES_MAX;
    limits.max_string_bytes = STRING_BYTES_MAX;
    limits.max_bytes_bytes = body.len();
    limits.max_array_elements = ARRAY_ELEMENTS_MAX.min(body.len());
    limits.max_tagged_fields = TAGS_MAX;
    limits.max_tag_bytes = TAG_BYTES_MAX;
    limits.max_total_tag_bytes = TAG_BYTES_MAX;
    Decoder::new(body.clone(), limits)
        .and_then(|mut decoder| M::decode(&mut decoder, ApiVersion::new(header.version)))
        .map_err(|reason| WireError::Control { api: header.api.name, reason })
}
