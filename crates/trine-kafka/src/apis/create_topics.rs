//! CreateTopics 2–7 → creates topics; each succeeds or fails by itself. -1 partitions and replicas are the server's defaults (every version). Version 5
//! and later answer with the settings, version 7 with the topic id. Any replication factor is accepted unless the server was told not to, and is
//! reported as 1. Manual assignments name this broker only. `timeout_ms` is not used.

use std::collections::{BTreeMap, HashMap};

use kafka_wire::{create_topics_request::CreatableTopic, create_topics_response::CreatableTopicResult};
use trine_broker::{Action, NewTopic};
use trine_types::TopicName;

use super::{configs, control, message, text, to_wire_id};
use crate::{
    connection::Ctx,
    error::{self, Close, ErrorCode, Refusal},
    wire::{RequestHeader, Text},
};

/// Replicas every partition has.
const REPLICAS: i16 = 1;

pub(super) async fn handle(
    ctx: &Ctx,
    header: &RequestHeader,
    request: control::CreateTopicsRequest,
) -> Result<control::CreateTopicsResponse, Close> {
    let mut times: HashMap<Text, usize> = HashMap::new();
    for topic in &request.topics {
        *times.entry(topic.name.clone()).or_default() += 1;
    }
    let mut results = Vec::new();
    let mut wanted = Vec::new();
    for topic in request.topics {
        // A name that is asked for twice gets one answer.
        let Some(times) = times.remove(&topic.name) else { continue };
        let checked = if times > 1 {
            Err(Refusal::new(ErrorCode::InvalidRequest, "the request names this topic more than once"))
        } else {
            check(ctx, &topic)
        };
        match checked {
            Ok(new) => wanted.push((topic.name, new)),
            Err(refusal) => results.push(refused(topic.name, refusal)),
        }
    }
    let (names, wanted): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
    let created = ctx.kafka.broker.topics().create(wanted, request.validate_only).await;
    for (name, created) in names.into_iter().zip(created) {
        results.push(match created {
            Err(failed) => refused(name, error::topic(&failed, false)?),
            Ok(topic) => message!(CreatableTopicResult {
                name: name,
                topic_id: if request.validate_only { kafka_wire_core::Uuid::ZERO } else { to_wire_id(topic.id) },
                num_partitions: topic.partitions() as i32,
                replication_factor: REPLICAS,
                configs: (header.version >= 5).then(|| configs::of_created_topic(ctx, &topic)),
            }),
        });
    }
    Ok(message!(control::CreateTopicsResponse { topics: results }))
}

fn refused(name: Text, refusal: Refusal) -> CreatableTopicResult {
    message!(CreatableTopicResult {
        name: name,
        error_code: refusal.code.code(),
        error_message: text(refusal.message),
        num_partitions: -1,
        replication_factor: -1,
        configs: Some(Vec::new()),
    })
}

fn check(ctx: &Ctx, topic: &CreatableTopic) -> Result<NewTopic, Refusal> {
    let name = TopicName::parse(&topic.name).map_err(|error| Refusal::new(ErrorCode::InvalidTopicException, error))?;
    if !ctx.allows_topic(Action::Create, name.as_str()) {
        return Err(Refusal::new(ErrorCode::TopicAuthorizationFailed, "not allowed to create this topic"));
    }
    let partitions = if topic.assignments.is_empty() {
        check_replicas(ctx, topic.replication_factor)?;
        match topic.num_partitions {
            -1 => None,
            count => Some(u32::try_from(count).ok().filter(|count| *count > 0).ok_or_else(|| {
                Refusal::new(ErrorCode::InvalidPartitions, format!("{count} partitions: it must be at least 1, or -1"))
            })?),
        }
    } else {
        Some(check_assignment(ctx, topic)?)
    };
    let mut settings = BTreeMap::new();
    for config in &topic.configs {
        let Some(value) = &config.value else {
            let message = format!("the setting {} has no value", &*config.name);
            return Err(Refusal::new(ErrorCode::InvalidConfig, message));
        };
        settings.insert(config.name.to_string(), value.to_string());
    }
    Ok(NewTopic { name, partitions, settings })
}

fn check_replicas(ctx: &Ctx, replicas: i16) -> Result<(), Refusal> {
    match replicas {
        -1 | REPLICAS => Ok(()),
        2.. if ctx.kafka.config.any_replication_factor => Ok(()),
        2.. => Err(Refusal::new(
            ErrorCode::InvalidReplicationFactor,
            format!("replication factor {replicas}: there is one broker"),
        )),
        _ => Err(Refusal::new(
            ErrorCode::InvalidReplicationFactor,
            format!("replication factor {replicas}: it must be at least 1, or -1"),
        )),
    }
}

/// The number of partitions that a manual assignment makes.
fn check_assignment(ctx: &Ctx, topic: &CreatableTopic) -> Result<u32, Refusal> {
    if topic.num_partitions != -1 || topic.replication_factor != -1 {
        let message = "partitions and replication factor must be -1 with a manual assignment";
        return Err(Refusal::new(ErrorCode::InvalidRequest, message));
    }
    let invalid = |message: &str| Refusal::new(ErrorCode::InvalidReplicaAssignment, message);
    let mut indexes: Vec<_> = topic.assignments.iter().map(|a| a.partition_index).collect();
    indexes.sort_unstable();
    if indexes.iter().zip(0..).any(|(index, wanted)| *index != wanted) {
        return Err(invalid("the assignment must name the partitions 0, 1, 2 and so on, each once"));
    }
    if topic.assignments.iter().any(|a| a.broker_ids != [ctx.node_id()]) {
        return Err(invalid("the assignment must name this broker and no other"));
    }
    Ok(indexes.len() as u32)
}
