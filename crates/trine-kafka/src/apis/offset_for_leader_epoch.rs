//! OffsetForLeaderEpoch 2–4 → where a leader epoch ends, so that clients notice a log that lost its end. Unknown epochs are -1 without an error.

use kafka_wire::{
    offset_for_leader_epoch_request::OffsetForLeaderPartition,
    offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult},
};
use std::sync::Arc;
use trine_broker::Topic;

use super::{check_epoch, control, find_partition, message};
use crate::{
    connection::Ctx,
    error::{self, Close, ErrorCode},
    wire::RequestHeader,
};

pub(super) async fn handle(
    ctx: &Ctx,
    _: &RequestHeader,
    request: control::OffsetForLeaderEpochRequest,
) -> Result<control::OffsetForLeaderEpochResponse, Close> {
    let catalog = ctx.kafka.broker.catalog();
    let mut topics = Vec::new();
    for asked in request.topics {
        let allowed = ctx.sees_topic(&asked.topic);
        let topic = catalog.topic(&asked.topic);
        let mut partitions = Vec::new();
        for partition in asked.partitions {
            let end = if allowed {
                epoch_end(ctx, topic, &partition).await?
            } else {
                Err(ErrorCode::TopicAuthorizationFailed)
            };
            let (code, epoch, offset) = match end {
                Ok((epoch, offset)) => (ErrorCode::None, epoch, offset),
                Err(code) => (code, -1, -1),
            };
            partitions.push(message!(EpochEndOffset {
                error_code: code.code(),
                partition: partition.partition,
                leader_epoch: epoch,
                end_offset: offset,
            }));
        }
        topics.push(message!(OffsetForLeaderTopicResult { topic: asked.topic, partitions: partitions }));
    }
    Ok(message!(control::OffsetForLeaderEpochResponse { topics: topics }))
}

async fn epoch_end(
    ctx: &Ctx,
    topic: Option<&Arc<Topic>>,
    asked: &OffsetForLeaderPartition,
) -> Result<Result<(i32, i64), ErrorCode>, Close> {
    let Some(target) = topic.and_then(|topic| find_partition(topic, asked.partition)) else {
        return Ok(Err(ErrorCode::UnknownTopicOrPartition));
    };
    if let Err(code) = check_epoch(asked.current_leader_epoch, target.view().leader_epoch()) {
        return Ok(Err(code));
    }
    Ok(match ctx.kafka.broker.streams().epoch_end(&target, asked.leader_epoch).await {
        Ok(Some(end)) => Ok((end.epoch, end.end as i64)),
        Ok(None) => Ok((-1, -1)),
        Err(failed) => Err(error::stream(&failed)?),
    })
}
