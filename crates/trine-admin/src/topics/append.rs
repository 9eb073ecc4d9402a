//! One batch built here, appended as if a client had sent it.

use std::sync::Arc;

use bytes::Bytes;
use trine_broker::{AppendError, AppendFuture, Broker, NewBatch, Topic};
use trine_core::catalog::{Compression, TimestampType};
use trine_records::{Codec, ProduceError, ProduceRules, TimestampRule, validate_produce};
use trine_types::{Timestamp, limits::OP_BATCH_BYTES_MAX};

use crate::{error::ApiError, topics::partition};

/// Checks the batch against the topic's rules and gives it its place in the log; the answer comes later.
pub(super) async fn append(
    broker: &Broker,
    topic: &Arc<Topic>,
    index: u32,
    bytes: Bytes,
    now: Timestamp,
) -> Result<AppendFuture, ApiError> {
    let validated = validate_produce(&bytes, &rules(topic, now)).map_err(refusal)?;
    let partition = partition(topic, index)?;
    let permit = broker.streams().permit(validated.bytes.len()).await?;
    Ok(broker.streams().append(permit, &partition, NewBatch::from(validated)))
}

fn rules(topic: &Topic, now: Timestamp) -> ProduceRules {
    let config = &topic.config;
    ProduceRules {
        batch_bytes_max: config.message_bytes_max,
        segment_bytes: usize::try_from(config.segments.segment_bytes).unwrap_or(usize::MAX),
        decompressed_bytes_max: OP_BATCH_BYTES_MAX,
        key_required: config.cleanup.compact,
        zstd_allowed: true,
        timestamps: match config.timestamp_type {
            TimestampType::LogAppendTime => TimestampRule::LogAppend,
            TimestampType::CreateTime => TimestampRule::Create {
                before_max_ms: config.timestamp_before_max_ms,
                after_max_ms: config.timestamp_after_max_ms,
            },
        },
        now,
        compression: match config.compression {
            Compression::Producer => None,
            Compression::Codec(number) => Codec::from_id(u16::from(number)).ok().map(Into::into),
        },
    }
}

fn refusal(error: ProduceError) -> ApiError {
    let message = error.to_string();
    match error {
        ProduceError::TooLarge { max, .. } => ApiError::too_large("max.message.bytes", max, message),
        ProduceError::LargerThanSegment { max, .. } => ApiError::too_large("segment.bytes", max, message),
        ProduceError::Records { errors } => {
            let first = errors.first().map_or("", |e| e.problem.message());
            ApiError::invalid(format!("{message}; the first: {first}"))
        }
        _ => ApiError::invalid(message),
    }
}

/// What an append that did not succeed means to the client.
pub(super) fn append_error(error: AppendError) -> ApiError {
    match error {
        AppendError::UnknownPartition => ApiError::not_found("the topic was deleted"),
        AppendError::Failure(failure) => failure.into(),
        other => ApiError::internal(other.to_string()),
    }
}
