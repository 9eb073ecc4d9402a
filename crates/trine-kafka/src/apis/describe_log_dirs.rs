//! DescribeLogDirs 1–5 → sizes of partitions, in the one data directory. Null topics mean all. Free space of the disk is not told.

use kafka_wire::describe_log_dirs_response::{DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic};
use std::sync::Arc;

use trine_broker::{Action, PartitionRef, Resource, Topic};

use super::{control, find_partition, message};
use crate::{
    connection::Ctx,
    error::{Close, ErrorCode},
    wire::{RequestHeader, Text},
};

pub(super) async fn handle(
    ctx: &Ctx,
    header: &RequestHeader,
    request: control::DescribeLogDirsRequest,
) -> Result<control::DescribeLogDirsResponse, Close> {
    if !ctx.allows(Action::Read, Resource::ADMIN) {
        let code = ErrorCode::ClusterAuthorizationFailed.code();
        return Ok(message!(control::DescribeLogDirsResponse {
            error_code: if header.version >= 3 { code } else { 0 }
        }));
    }
    let catalog = ctx.kafka.broker.catalog();
    let readable = |topic: &&Arc<Topic>| ctx.sees_topic(topic.name.as_str());
    let topics: Vec<_> = match request.topics {
        None => catalog.topics().filter(readable).map(|topic| sizes(ctx, topic, topic.all_partitions())).collect(),
        Some(asked) => asked
            .iter()
            .filter_map(|asked| {
                let topic = catalog.topic(&asked.topic).filter(readable)?;
                Some(sizes(ctx, topic, asked.partitions.iter().filter_map(|index| find_partition(topic, *index))))
            })
            .collect(),
    };
    let dir = message!(DescribeLogDirsResult {
        log_dir: Text::from(ctx.kafka.config.log_dir.as_str()),
        topics: topics,
        total_bytes: -1,
        usable_bytes: -1,
    });
    Ok(message!(control::DescribeLogDirsResponse { results: vec![dir] }))
}

fn sizes(ctx: &Ctx, topic: &Topic, partitions: impl Iterator<Item = PartitionRef>) -> DescribeLogDirsTopic {
    let streams = ctx.kafka.broker.streams();
    let partitions = partitions.map(|partition| {
        message!(DescribeLogDirsPartition {
            partition_index: partition.index() as i32,
            partition_size: i64::try_from(streams.partition_stats(&partition).bytes).unwrap_or(i64::MAX),
        })
    });
    message!(DescribeLogDirsTopic { name: Text::from(topic.name.as_str()), partitions: partitions.collect() })
}
