//! ElectLeaders 0–2 → ELECTION_NOT_NEEDED for every partition: there is one broker. Null partitions mean all, and then nothing needs an answer.

use kafka_wire::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use trine_broker::{Action, Resource};

use super::{control, find_partition, message, text};
use crate::{
    connection::Ctx,
    error::{Close, ErrorCode},
    wire::RequestHeader,
};

pub(super) async fn handle(
    ctx: &Ctx,
    header: &RequestHeader,
    request: control::ElectLeadersRequest,
) -> Result<control::ElectLeadersResponse, Close> {
    let allowed = ctx.allows(Action::Configure, Resource::ADMIN);
    let catalog = ctx.kafka.broker.catalog();
    let results = request.topic_partitions.unwrap_or_default().into_iter().map(|asked| {
        let topic = catalog.topic(&asked.topic);
        let results = asked.partitions.iter().map(|index| {
            let (code, why) = if !allowed {
                (ErrorCode::ClusterAuthorizationFailed, "not allowed to elect leaders")
            } else if topic.is_some_and(|topic| find_partition(topic, *index).is_some()) {
                (ErrorCode::ElectionNotNeeded, "the one broker leads every partition")
            } else {
                (ErrorCode::UnknownTopicOrPartition, "there is no such partition")
            };
            message!(PartitionResult { partition_id: *index, error_code: code.code(), error_message: text(why) })
        });
        let results = results.collect();
        message!(ReplicaElectionResult { topic: asked.topic, partition_result: results })
    });
    let code = if allowed || header.version < 1 { ErrorCode::None } else { ErrorCode::ClusterAuthorizationFailed };
    Ok(message!(control::ElectLeadersResponse { error_code: code.code(), replica_election_results: results.collect() }))
}
