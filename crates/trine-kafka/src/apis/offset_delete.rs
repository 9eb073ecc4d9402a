//! OffsetDelete 0 → forgets commits of partitions that no member subscribes to.

use kafka_wire::offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic};
use trine_broker::Action;

use super::{control, message};
use crate::{
    connection::Ctx,
    error::{self, Close, ErrorCode},
    wire::RequestHeader,
};

pub(super) async fn handle(
    ctx: &Ctx,
    _: &RequestHeader,
    request: control::OffsetDeleteRequest,
) -> Result<control::OffsetDeleteResponse, Close> {
    let refused = |code: ErrorCode| message!(control::OffsetDeleteResponse { error_code: code.code() });
    let group = match ctx.group(&[Action::Delete], &request.group_id) {
        Ok(group) => group,
        Err(code) => return Ok(refused(code)),
    };
    let catalog = ctx.kafka.broker.catalog();
    let mut wanted = Vec::new();
    let mut known = Vec::new();
    for topic in &request.topics {
        let id = catalog.topic(&topic.name).filter(|t| ctx.allows_topic(Action::Read, t.name.as_str())).map(|t| t.id);
        for partition in &topic.partitions {
            let key = id.zip(u32::try_from(partition.partition_index).ok());
            known.push(key.is_some());
            wanted.extend(key);
        }
    }
    let deleted = match ctx.kafka.broker.groups().delete_offsets(&group, wanted).await {
        Ok(deleted) => deleted,
        Err(failed) => return Ok(refused(error::group(&failed)?)),
    };
    let mut codes = Vec::new();
    for result in deleted {
        codes.push(match result {
            Ok(()) => ErrorCode::None,
            Err(failed) => error::group(&failed)?,
        });
    }
    let (mut codes, mut known) = (codes.into_iter(), known.into_iter());
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            let code = match known.next() {
                Some(true) => codes.next().unwrap_or(ErrorCode::UnknownServerError),
                _ => ErrorCode::UnknownTopicOrPartition,
            };
            message!(OffsetDeleteResponsePartition {
                partition_index: partition.partition_index,
                error_code: code.code(),
            })
        });
        let partitions = partitions.collect();
        message!(OffsetDeleteResponseTopic { name: topic.name, partitions: partitions })
    });
    Ok(message!(control::OffsetDeleteResponse { topics: topics.collect() }))
}
