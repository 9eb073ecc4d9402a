//! DeleteRecords 0–2 → the log starts at the given offset; -1 is the high watermark. Topics that are only compacted refuse. `timeout_ms` is not used.

use std::sync::Arc;

use kafka_wire::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use trine_broker::{Action, Topic};

use super::{control, find_partition, message};
use crate::{
    connection::Ctx,
    error::{self, Close, ErrorCode},
    wire::RequestHeader,
};

/// The high watermark.
const EVERYTHING: i64 = -1;

pub(super) async fn handle(
    ctx: &Ctx,
    _: &RequestHeader,
    request: control::DeleteRecordsRequest,
) -> Result<control::DeleteRecordsResponse, Close> {
    let catalog = ctx.kafka.broker.catalog();
    let mut topics = Vec::new();
    for asked in request.topics {
        let topic = if ctx.allows_topic(Action::Delete, &asked.name) {
            catalog.topic(&asked.name).ok_or(ErrorCode::UnknownTopicOrPartition)
        } else {
            Err(ErrorCode::TopicAuthorizationFailed)
        };
        let mut partitions = Vec::new();
        for partition in asked.partitions {
            let trimmed = match topic {
                Ok(topic) => trim(ctx, topic, partition.partition_index, partition.offset).await?,
                Err(code) => Err(code),
            };
            let (low, code) = match trimmed {
                Ok(low) => (low, ErrorCode::None),
                Err(code) => (-1, code),
            };
            partitions.push(message!(DeleteRecordsPartitionResult {
                partition_index: partition.partition_index,
                low_watermark: low,
                error_code: code.code(),
            }));
        }
        topics.push(message!(DeleteRecordsTopicResult { name: asked.name, partitions: partitions }));
    }
    Ok(message!(control::DeleteRecordsResponse { topics: topics }))
}

async fn trim(ctx: &Ctx, topic: &Arc<Topic>, index: i32, offset: i64) -> Result<Result<i64, ErrorCode>, Close> {
    let Some(target) = find_partition(topic, index) else { return Ok(Err(ErrorCode::UnknownTopicOrPartition)) };
    if topic.config.cleanup.compact && !topic.config.cleanup.delete {
        return Ok(Err(ErrorCode::PolicyViolation));
    }
    let to = match offset {
        EVERYTHING => None,
        offset => match u64::try_from(offset) {
            Ok(offset) => Some(offset),
            Err(_) => return Ok(Err(ErrorCode::OffsetOutOfRange)),
        },
    };
    Ok(match ctx.kafka.broker.streams().trim(&target, to).await {
        Ok(log_start) => Ok(log_start as i64),
        Err(failed) => Err(error::stream(&failed)?),
    })
}
