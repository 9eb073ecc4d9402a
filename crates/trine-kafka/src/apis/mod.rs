//! One file per API: name, authorise, check, call, answer. The header of each file is its record of compatibility.

mod alter_configs;
mod api_versions;
mod configs;
mod create_partitions;
mod create_topics;
mod delete_groups;
mod delete_records;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod describe_groups;
mod describe_log_dirs;
mod describe_topic_partitions;
mod elect_leaders;
mod fetch;
mod find_coordinator;
mod heartbeat;
mod incremental_alter_configs;
mod init_producer_id;
mod join_group;
mod leave_group;
mod list_groups;
mod list_offsets;
mod list_partition_reassignments;
mod metadata;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod offset_for_leader_epoch;
mod produce;
mod sync_group;

use std::sync::Arc;

use bytes::Bytes;
use trine_broker::{Action, CatalogSnapshot, PartitionRef, Resource, Topic};
use trine_types::{GroupName, Uuid};

pub(crate) use metadata::MetadataCache;

use crate::{
    connection::{Answer, Ctx, Dispatched},
    error::{Close, ErrorCode},
    wire::{ApiKey, Request, RequestHeader, ResponseBuf, Text, TopicKey, control, produce::ProduceRequest},
};

/// Whoever may do one of these with a group may look at it.
const GROUP_READERS: &[Action] = &[Action::Read, Action::Subscribe, Action::Commit];

/// Authorised operations were not asked for, or there are no rules to tell.
const OPERATIONS_UNKNOWN: i32 = i32::MIN;

/// Decodes a request and sets it going. When this returns, an append has its place in the order of its partition.
pub(crate) async fn dispatch(ctx: &Arc<Ctx>, header: RequestHeader, body: Bytes) -> Result<Dispatched, Close> {
    if header.is_too_new() {
        return Ok(Dispatched::Done(api_versions::handle(ctx, &header, None).into()));
    }
    if header.api.key == ApiKey::Produce {
        // The hot one does not pass through the type that is as large as the largest request.
        let request = ProduceRequest::decode(&body, header.version)?;
        drop(body);
        return Ok(produce::dispatch(ctx, header, request).await);
    }
    let request = Request::decode(&header, &body)?;
    drop(body);
    Ok(match request {
        Request::ApiVersions(request) => Dispatched::Done(api_versions::handle(ctx, &header, Some(request)).into()),
        Request::Fetch(request) => {
            let ctx = Arc::clone(ctx);
            Dispatched::Active(Box::pin(async move { fetch::handle(&ctx, &header, request).await }))
        }
        request => {
            let ctx = Arc::clone(ctx);
            Dispatched::Active(Box::pin(async move { answer(&ctx, &header, request).await }))
        }
    })
}

async fn answer(ctx: &Arc<Ctx>, header: &RequestHeader, request: Request) -> Result<Answer, Close> {
    let mut out = ResponseBuf::new(header);
    macro_rules! message {
        ($api:ident, $request:expr) => {
            out.message(header, &$api::handle(ctx, header, $request).await?)?
        };
    }
    match request {
        Request::Produce(_) | Request::Fetch(_) | Request::ApiVersions(_) => {
            return Err(Close("dispatched twice".to_owned()));
        }
        Request::Metadata(request) => return metadata::handle(ctx, header, request).await,
        Request::ListOffsets(request) => message!(list_offsets, request),
        Request::OffsetCommit(request) => message!(offset_commit, request),
        Request::OffsetFetch(request) => message!(offset_fetch, request),
        Request::FindCoordinator(request) => message!(find_coordinator, request),
        Request::JoinGroup(request) => message!(join_group, request),
        Request::Heartbeat(request) => message!(heartbeat, request),
        Request::LeaveGroup(request) => message!(leave_group, request),
        Request::SyncGroup(request) => message!(sync_group, request),
        Request::DescribeGroups(request) => message!(describe_groups, request),
        Request::ListGroups(request) => message!(list_groups, request),
        Request::CreateTopics(request) => message!(create_topics, request),
        Request::DeleteTopics(request) => message!(delete_topics, request),
        Request::DeleteRecords(request) => message!(delete_records, request),
        Request::InitProducerId(request) => message!(init_producer_id, request),
        Request::OffsetForLeaderEpoch(request) => message!(offset_for_leader_epoch, request),
        Request::DescribeConfigs(request) => message!(describe_configs, request),
        Request::AlterConfigs(request) => message!(alter_configs, request),
        Request::DescribeLogDirs(request) => message!(describe_log_dirs, request),
        Request::CreatePartitions(request) => message!(create_partitions, request),
        Request::DeleteGroups(request) => message!(delete_groups, request),
        Request::ElectLeaders(request) => message!(elect_leaders, request),
        Request::IncrementalAlterConfigs(request) => message!(incremental_alter_configs, request),
        Request::ListPartitionReassignments(request) => message!(list_partition_reassignments, request),
        Request::OffsetDelete(request) => message!(offset_delete, request),
        Request::DescribeCluster(request) => message!(describe_cluster, request),
        Request::DescribeTopicPartitions(request) => message!(describe_topic_partitions, request),
    }
    Ok(out.finish().into())
}

impl Ctx {
    fn allows(&self, action: Action, resource: Resource<'_>) -> bool {
        self.kafka.broker.access().check(&self.principal, action, resource).is_ok()
    }

    fn allows_topic(&self, action: Action, name: &str) -> bool {
        self.allows(action, Resource::topic(name))
    }

    /// Whether the client may know of the topic: whoever may do anything with it may.
    fn sees_topic(&self, name: &str) -> bool {
        const ANY: [Action; 5] = [Action::Read, Action::Send, Action::Configure, Action::Create, Action::Delete];
        ANY.into_iter().any(|action| self.allows_topic(action, name))
    }

    /// The group of a request: a name that is one, and that the client may do one of these with.
    fn group(&self, actions: &[Action], name: &str) -> Result<GroupName, ErrorCode> {
        let group = GroupName::parse(name).map_err(|_| ErrorCode::InvalidGroupId)?;
        let allowed = actions.iter().any(|action| self.allows(*action, Resource::group(name)));
        if allowed { Ok(group) } else { Err(ErrorCode::GroupAuthorizationFailed) }
    }

    fn node_id(&self) -> i32 {
        self.kafka.config.node_id
    }

    /// Where this client should connect to: what was configured, else the address it used (decision E18).
    fn endpoint(&self) -> (Text, i32) {
        match self.kafka.config.advertised.get() {
            Some(to) => (Text::from(to.host), to.port.into()),
            None => (Text::from(self.local.ip().to_canonical().to_string()), self.local.port().into()),
        }
    }

    fn cluster_id(&self) -> Text {
        Text::from(self.kafka.broker.catalog().cluster_id().to_string())
    }
}

/// Our id as the control plane's.
const fn to_wire_id(id: Uuid) -> kafka_wire_core::Uuid {
    kafka_wire_core::Uuid::from_bytes(id.0)
}

const fn from_wire_id(id: kafka_wire_core::Uuid) -> Uuid {
    Uuid(id.to_bytes())
}

/// Bytes that outlive their request: a slice would keep the whole frame.
fn kept(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

fn text(value: impl ToString) -> Option<Text> {
    Some(Text::from(value.to_string()))
}

fn find_topic<'a>(catalog: &'a CatalogSnapshot, key: &TopicKey) -> Option<&'a Arc<Topic>> {
    match key {
        TopicKey::Name(name) => catalog.topic(name),
        TopicKey::Id(id) => catalog.topic_by_id(*id),
    }
}

fn find_partition(topic: &Arc<Topic>, index: i32) -> Option<PartitionRef> {
    topic.partition(u32::try_from(index).ok()?)
}

/// What a client that knows this leader epoch must be told; negative is "does not know".
const fn check_epoch(asked: i32, ours: i32) -> Result<(), ErrorCode> {
    if asked < 0 || asked == ours {
        Ok(())
    } else if asked < ours {
        Err(ErrorCode::FencedLeaderEpoch)
    } else {
        Err(ErrorCode::UnknownLeaderEpoch)
    }
}

/// A message with these fields, the others at their protocol default.
macro_rules! message {
    ($type:path { $($field:ident: $value:expr),* $(,)? }) => {{
        let mut message = <$type>::default();
        $(message.$field = $value;)*
        message
    }};
}
use message;
