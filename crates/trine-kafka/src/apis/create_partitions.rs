//! CreatePartitions 0–3 → raises the number of partitions to the given total. Assignments must name this broker. `timeout_ms` is not used.

use std::collections::HashSet;

use kafka_wire::{
    create_partitions_request::CreatePartitionsTopic, create_partitions_response::CreatePartitionsTopicResult,
};
use trine_broker::Action;
use trine_types::TopicName;

use super::{control, message, text};
use crate::{
    connection::Ctx,
    error::{self, Close, ErrorCode, Refusal},
    wire::RequestHeader,
};

pub(super) async fn handle(
    ctx: &Ctx,
    _: &RequestHeader,
    request: control::CreatePartitionsRequest,
) -> Result<control::CreatePartitionsResponse, Close> {
    let mut seen = HashSet::new();
    let mut results = Vec::new();
    for asked in request.topics {
        let grown = if seen.insert(asked.name.clone()) {
            grow(ctx, &asked, request.validate_only).await?
        } else {
            Err(Refusal::new(ErrorCode::InvalidRequest, "the request names this topic more than once"))
        };
        let (code, why) = grown.map_or_else(|r| (r.code, text(r.message)), |()| (ErrorCode::None, None));
        results.push(message!(CreatePartitionsTopicResult {
            name: asked.name,
            error_code: code.code(),
            error_message: why,
        }));
    }
    Ok(message!(control::CreatePartitionsResponse { results: results }))
}

async fn grow(ctx: &Ctx, asked: &CreatePartitionsTopic, validate_only: bool) -> Result<Result<(), Refusal>, Close> {
    let unknown = || Refusal::new(ErrorCode::UnknownTopicOrPartition, "there is no such topic");
    let Ok(name) = TopicName::parse(&asked.name) else { return Ok(Err(unknown())) };
    if !ctx.allows_topic(Action::Configure, name.as_str()) {
        return Ok(Err(Refusal::new(ErrorCode::TopicAuthorizationFailed, "not allowed to change this topic")));
    }
    let catalog = ctx.kafka.broker.catalog();
    let Some(topic) = catalog.topic(name.as_str()) else { return Ok(Err(unknown())) };
    let Some(total) = u32::try_from(asked.count).ok().filter(|total| *total > 0) else {
        let message = format!("{} partitions: it must be more than the topic has", asked.count);
        return Ok(Err(Refusal::new(ErrorCode::InvalidPartitions, message)));
    };
    if let Some(assignments) = &asked.assignments {
        let new = u64::from(total.saturating_sub(topic.partitions()));
        let sound = assignments.len() as u64 == new && assignments.iter().all(|a| a.broker_ids == [ctx.node_id()]);
        if new > 0 && !sound {
            let message = "the assignment must name this broker once for each new partition";
            return Ok(Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, message)));
        }
    }
    Ok(match ctx.kafka.broker.topics().add_partitions(&name, total, validate_only).await {
        Ok(_) => Ok(()),
        Err(failed) => Err(error::topic(&failed, false)?),
    })
}
