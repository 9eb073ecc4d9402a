//! DescribeTopicPartitions 0 → topics with their partitions, page by page: at most 2000 partitions an answer, fewer if the client asks so, and a cursor
//! for the rest. No topics means all. Topics come in the order of their names.

use kafka_wire::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};

use super::{OPERATIONS_UNKNOWN, control, message, to_wire_id};
use crate::{
    connection::Ctx,
    error::{Close, ErrorCode},
    wire::{RequestHeader, Text},
};

/// Most partitions of one answer.
const PARTITIONS_MAX: usize = 2000;

pub(super) async fn handle(
    ctx: &Ctx,
    _: &RequestHeader,
    request: control::DescribeTopicPartitionsRequest,
) -> Result<control::DescribeTopicPartitionsResponse, Close> {
    let catalog = ctx.kafka.broker.catalog();
    let all = request.topics.is_empty();
    let mut names: Vec<Text> = if all {
        catalog.topics().map(|topic| Text::from(topic.name.as_str())).collect()
    } else {
        request.topics.into_iter().map(|topic| topic.name).collect()
    };
    names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    names.dedup();
    let (start, mut first) = match &request.cursor {
        Some(cursor) => (cursor.topic_name.clone(), u32::try_from(cursor.partition_index).unwrap_or(0)),
        None => (Text::default(), 0),
    };
    let mut room = usize::try_from(request.response_partition_limit).unwrap_or(0).clamp(1, PARTITIONS_MAX);
    let node = ctx.node_id();
    let mut topics = Vec::new();
    for name in names.into_iter().filter(|name| name.as_str() >= start.as_str()) {
        // The cursor's partition counts for its own topic only.
        let from = if *name == *start { std::mem::take(&mut first) } else { 0 };
        let refused = |name: &Text, code: ErrorCode| {
            message!(DescribeTopicPartitionsResponseTopic {
                error_code: code.code(),
                name: Some(name.clone()),
                topic_authorized_operations: OPERATIONS_UNKNOWN,
            })
        };
        if !ctx.sees_topic(&name) {
            if !all {
                topics.push(refused(&name, ErrorCode::TopicAuthorizationFailed));
            }
            continue;
        }
        let Some(topic) = catalog.topic(&name) else {
            topics.push(refused(&name, ErrorCode::UnknownTopicOrPartition));
            continue;
        };
        if room == 0 {
            let next = message!(Cursor { topic_name: name, partition_index: 0 });
            return Ok(message!(control::DescribeTopicPartitionsResponse { topics: topics, next_cursor: Some(next) }));
        }
        let partitions: Vec<_> = (from..topic.partitions())
            .take(room)
            .filter_map(|index| topic.partition(index))
            .map(|partition| {
                message!(DescribeTopicPartitionsResponsePartition {
                    partition_index: partition.index() as i32,
                    leader_id: node,
                    leader_epoch: partition.view().leader_epoch(),
                    replica_nodes: vec![node],
                    isr_nodes: vec![node],
                    // Not null: Java's admin client takes these two for lists without looking.
                    eligible_leader_replicas: Some(Vec::new()),
                    last_known_elr: Some(Vec::new()),
                })
            })
            .collect();
        let next = from.saturating_add(partitions.len() as u32);
        room -= partitions.len();
        topics.push(message!(DescribeTopicPartitionsResponseTopic {
            name: Some(name.clone()),
            topic_id: to_wire_id(topic.id),
            partitions: partitions,
            topic_authorized_operations: OPERATIONS_UNKNOWN,
        }));
        if next < topic.partitions() {
            let next = message!(Cursor { topic_name: name, partition_index: next as i32 });
            return Ok(message!(control::DescribeTopicPartitionsResponse { topics: topics, next_cursor: Some(next) }));
        }
    }
    Ok(message!(control::DescribeTopicPartitionsResponse { topics: topics }))
}
