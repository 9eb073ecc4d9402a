//! Produce 3–13 (0–2 are advertised and refused) → base offset and log start per partition.
//! acks 0: no answer, and an error closes the connection. acks 1 and -1 are the same: durable before it is answered, as the topic's durability says.
//! Not implemented: transactions (refused per partition); `timeout_ms` (an append takes as long as the disk).

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::sync::Semaphore;
use trine_broker::{Action, AppendFuture, Failure, NewBatch, PartitionRef, Topic};
use trine_core::catalog::{Compression, TimestampType};
use trine_records::{
    BATCH_HEADER_BYTES, BatchHeader, Codec, ProduceError, ProduceRules, TimestampRule, Validated, validate_produce,
};
use trine_types::Timestamp;

use super::{find_partition, find_topic};
use crate::{
    connection::{Answer, Ctx, Dispatched},
    error::{self, Area, Close, ErrorCode, Refusal},
    wire::{
        RequestHeader, ResponseBuf, TopicKey,
        produce::{PartitionProduced, ProducePartition, ProduceRequest, ProduceResponse},
    },
};

/// Batches up to this size are checked at once; larger ones go to threads that may take their time.
const INLINE_BYTES_MAX: usize = 128 << 10;
/// What a batch that is checked at once may decompress to; beyond it the check is begun anew on a thread.
const INLINE_DECOMPRESSED_MAX: usize = 512 << 10;
/// Batches that are checked on threads at the same time.
const CHECKS_MAX: usize = 4;
/// A batch may decompress to so many times its topic's `max.message.bytes`, within the two limits after it.
const DECOMPRESSED_RATIO: usize = 64;
const DECOMPRESSED_MIN: usize = 16 << 20;
const DECOMPRESSED_MAX: usize = 256 << 20;
/// First version that may carry zstd.
const ZSTD_FROM: i16 = 7;

static CHECKS: Semaphore = Semaphore::const_new(CHECKS_MAX);

/// One partition on its way.
enum Pending {
    Appending { index: i32, log_append_time: Option<Timestamp>, by_id: bool, append: AppendFuture },
    Done(PartitionProduced),
}

/// Checks and appends every partition in the request's order, then waits for all.
pub(super) async fn dispatch(ctx: &Arc<Ctx>, header: RequestHeader, request: ProduceRequest) -> Dispatched {
    let acks = request.acks;
    let mut topics = Vec::with_capacity(request.topics.len().min(16));
    for topic in request.topics {
        let target = find_target(ctx, acks, request.transactional_id.is_some(), &topic.topic);
        let by_id = matches!(topic.topic, TopicKey::Id(_));
        let mut partitions = Vec::with_capacity(topic.partitions.len().min(16));
        for partition in topic.partitions {
            let index = partition.index;
            partitions.push(match &target {
                Ok(target) => match append(ctx, header.version, target, by_id, partition).await {
                    Ok(pending) => pending,
                    Err(done) => Pending::Done(*done),
                },
                Err(refusal) => Pending::Done(refused(index, refusal)),
            });
        }
        topics.push((topic.topic, partitions));
    }
    // The appends move by themselves: nothing has to be looked at before the answer is next.
    Dispatched::Passive(Box::pin(Answering { header, acks, topics }))
}

/// The answer to a produce request: complete when every append is.
struct Answering {
    header: RequestHeader,
    acks: i16,
    topics: Vec<(TopicKey, Vec<Pending>)>,
}

impl Future for Answering {
    type Output = Result<Answer, Close>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        for pending in self.topics.iter_mut().flat_map(|(_, partitions)| partitions) {
            let Pending::Appending { index, log_append_time, by_id, append } = pending else { continue };
            let done = match Pin::new(append).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(appended)) => PartitionProduced {
                    index: *index,
                    error: 0,
                    base_offset: appended.base_offset as i64,
                    log_append_time_ms: log_append_time.map_or(-1, |time| time.0),
                    log_start_offset: appended.log_start as i64,
                    record_errors: Vec::new(),
                    error_message: None,
                },
                Poll::Ready(Err(error)) => match error::append(&error, *by_id) {
                    Ok(code) => PartitionProduced::refused(*index, code.code(), Some(error.to_string())),
                    Err(close) => return Poll::Ready(Err(close)),
                },
            };
            *pending = Pending::Done(done);
        }
        let topics = std::mem::take(&mut self.topics);
        Poll::Ready(respond(&self.header, self.acks, topics))
    }
}

fn respond(header: &RequestHeader, acks: i16, topics: Vec<(TopicKey, Vec<Pending>)>) -> Result<Answer, Close> {
    let done = |pending| match pending {
        Pending::Done(done) => done,
        // Not reached: every partition was done before.
        Pending::Appending { index, .. } => {
            PartitionProduced::refused(index, ErrorCode::UnknownServerError.code(), None)
        }
    };
    let topics: Vec<_> =
        topics.into_iter().map(|(topic, partitions)| (topic, partitions.into_iter().map(done).collect())).collect();
    let response = ProduceResponse { topics };
    if acks == 0 {
        // The client listens to nothing but the end of the connection.
        let failed = response.topics.iter().flat_map(|(_, partitions)| partitions).find(|p| p.error != 0);
        return match failed {
            None => Ok(Answer::NOTHING),
            Some(failed) => Err(Close(format!("a produce request without acks failed with error {}", failed.error))),
        };
    }
    let mut out = ResponseBuf::with_capacity(header, 128);
    response.encode(header, &mut out);
    Ok(out.finish().into())
}

fn refused(index: i32, refusal: &Refusal) -> PartitionProduced {
    PartitionProduced::refused(index, refusal.code.code(), Some(refusal.message.clone()))
}

/// What concerns all partitions of a topic.
fn find_target(ctx: &Ctx, acks: i16, transactional: bool, key: &TopicKey) -> Result<Arc<Topic>, Refusal> {
    if !(-1..=1).contains(&acks) {
        return Err(Refusal::new(ErrorCode::InvalidRequiredAcks, "acks must be -1, 0 or 1"));
    }
    if transactional {
        let message = "transactions are not supported";
        return Err(Refusal::new(ErrorCode::TransactionalIdAuthorizationFailed, message));
    }
    let by_id = matches!(key, TopicKey::Id(_));
    if let TopicKey::Name(name) = key
        && !ctx.allows_topic(Action::Send, name)
    {
        return Err(Refusal::new(ErrorCode::TopicAuthorizationFailed, "not allowed to send to this topic"));
    }
    let catalog = ctx.kafka.broker.catalog();
    let unknown = || Refusal::new(error::unknown_topic(by_id), "there is no such topic");
    let topic = find_topic(&catalog, key).ok_or_else(unknown)?;
    if by_id && !ctx.allows_topic(Action::Send, topic.name.as_str()) {
        return Err(Refusal::new(ErrorCode::TopicAuthorizationFailed, "not allowed to send to this topic"));
    }
    Ok(Arc::clone(topic))
}

async fn append(
    ctx: &Ctx,
    version: i16,
    topic: &Arc<Topic>,
    by_id: bool,
    partition: ProducePartition,
) -> Result<Pending, Box<PartitionProduced>> {
    let index = partition.index;
    let refuse =
        |code: ErrorCode, message: String| Box::new(PartitionProduced::refused(index, code.code(), Some(message)));
    let Some(target) = find_partition(topic, index) else {
        return Err(refuse(ErrorCode::UnknownTopicOrPartition, "there is no such partition".to_owned()));
    };
    let rules = rules(ctx, version, topic);
    let valid = check(partition.records.unwrap_or_default(), rules).await.map_err(|error| invalid(index, &error))?;
    if valid.header.attributes.transactional() {
        return Err(refuse(ErrorCode::InvalidTxnState, "transactions are not supported".to_owned()));
    }
    let log_append_time = valid.log_append_time;
    let append = enqueue(ctx, &target, valid).await.map_err(|failure| {
        // No append was tried, so its outcome is known even when the store has failed.
        let code = error::failure(&failure, Area::Data).unwrap_or(ErrorCode::KafkaStorageError);
        refuse(code, failure.to_string())
    })?;
    Ok(Pending::Appending { index, log_append_time, by_id, append })
}

async fn enqueue(ctx: &Ctx, target: &PartitionRef, valid: Validated) -> Result<AppendFuture, Failure> {
    let batch = NewBatch::from(valid);
    let streams = ctx.kafka.broker.streams();
    let permit = streams.permit(batch.len()).await?;
    Ok(streams.append(permit, target, batch))
}

fn rules(ctx: &Ctx, version: i16, topic: &Topic) -> ProduceRules {
    let config = &topic.config;
    ProduceRules {
        batch_bytes_max: config.message_bytes_max,
        segment_bytes: usize::try_from(config.segments.segment_bytes).unwrap_or(usize::MAX),
        decompressed_bytes_max: config
            .message_bytes_max
            .saturating_mul(DECOMPRESSED_RATIO)
            .clamp(DECOMPRESSED_MIN, DECOMPRESSED_MAX),
        key_required: config.cleanup.compact,
        zstd_allowed: version >= ZSTD_FROM,
        timestamps: match config.timestamp_type {
            TimestampType::LogAppendTime => TimestampRule::LogAppend,
            TimestampType::CreateTime => TimestampRule::Create {
                before_max_ms: config.timestamp_before_max_ms,
                after_max_ms: config.timestamp_after_max_ms,
            },
        },
        now: ctx.kafka.broker.clock().now(),
        compression: match config.compression {
            Compression::Producer => None,
            Compression::Codec(id) => Codec::from_id(id.into()).ok().map(Into::into),
        },
    }
}

/// Checks a batch: a small one here, one that takes its time on a thread, so that it delays no other connection.
async fn check(records: Bytes, rules: ProduceRules) -> Result<Validated, ProduceError> {
    if records.len() <= INLINE_BYTES_MAX {
        let packed = BatchHeader::parse(records.get(..BATCH_HEADER_BYTES).unwrap_or_default())
            .is_ok_and(|header| header.attributes.codec() != Ok(Codec::None));
        let full = rules.decompressed_bytes_max;
        let here = if packed { full.min(INLINE_DECOMPRESSED_MAX) } else { full };
        match validate_produce(&records, &ProduceRules { decompressed_bytes_max: here, ..rules }) {
            Err(ProduceError::DecompressedTooLarge { .. }) if here < full => {}
            done => return done,
        }
    }
    // The semaphore is never closed.
    let _turn = CHECKS.acquire().await;
    let checked = tokio::task::spawn_blocking(move || validate_produce(&records, &rules)).await;
    checked.unwrap_or(Err(ProduceError::NotOneBatch))
}

fn invalid(index: i32, error: &ProduceError) -> Box<PartitionProduced> {
    let mut answer = PartitionProduced::refused(index, error::produce(error).code(), Some(error.to_string()));
    if let ProduceError::Records { errors } = error {
        answer.record_errors = errors.iter().map(|e| (e.index as i32, e.problem.message())).collect();
    }
    Box::new(answer)
}
