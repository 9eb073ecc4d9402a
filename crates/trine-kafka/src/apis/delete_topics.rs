//! DeleteTopics 1–6 → deletes topics by name, or (version 6) by name or id. `timeout_ms` is not used.

use kafka_wire::delete_topics_response::DeletableTopicResult;
use trine_broker::{Action, TopicSelector};
use trine_types::TopicName;

use super::{control, from_wire_id, message, text, to_wire_id};
use crate::{
    connection::Ctx,
    error::{self, Close, ErrorCode, Refusal},
    wire::{RequestHeader, Text},
};

/// First version that can name topics by id.
const TOPIC_IDS_FROM: i16 = 6;

pub(super) async fn handle(
    ctx: &Ctx,
    header: &RequestHeader,
    request: control::DeleteTopicsRequest,
) -> Result<control::DeleteTopicsResponse, Close> {
    let mut responses = Vec::new();
    if header.version < TOPIC_IDS_FROM {
        for name in request.topic_names {
            let deleted = by_name(ctx, &name).await?;
            responses.push(result(header.version, Some(name), kafka_wire_core::Uuid::ZERO, deleted));
        }
    } else {
        for asked in request.topics {
            let by_id = !asked.topic_id.is_zero();
            let deleted = match (&asked.name, by_id) {
                (Some(_), true) | (None, false) => {
                    Err(Refusal::new(ErrorCode::InvalidRequest, "name a topic by its name or its id, not both"))
                }
                (Some(name), false) => by_name(ctx, name).await?,
                (None, true) => {
                    let id = from_wire_id(asked.topic_id);
                    match ctx.kafka.broker.catalog().topic_by_id(id).map(|topic| topic.name.clone()) {
                        None => Err(Refusal::new(ErrorCode::UnknownTopicId, "there is no topic with this id")),
                        Some(name) => delete(ctx, &name, id.into()).await?,
                    }
                }
            };
            responses.push(result(header.version, asked.name, asked.topic_id, deleted));
        }
    }
    Ok(message!(control::DeleteTopicsResponse { responses: responses }))
}

/// What was deleted: its name and id.
type Deleted = Result<(Text, kafka_wire_core::Uuid), Refusal>;

async fn by_name(ctx: &Ctx, name: &str) -> Result<Deleted, Close> {
    match TopicName::parse(name) {
        Ok(name) => delete(ctx, &name, name.clone().into()).await,
        Err(_) => Ok(Err(Refusal::new(ErrorCode::UnknownTopicOrPartition, "there is no such topic"))),
    }
}

async fn delete(ctx: &Ctx, name: &TopicName, topic: TopicSelector) -> Result<Deleted, Close> {
    if !ctx.allows_topic(Action::Delete, name.as_str()) {
        return Ok(Err(Refusal::new(ErrorCode::TopicAuthorizationFailed, "not allowed to delete this topic")));
    }
    let by_id = matches!(topic, TopicSelector::Id(_));
    Ok(match ctx.kafka.broker.topics().delete(topic).await {
        Ok(topic) => Ok((Text::from(topic.name.as_str()), to_wire_id(topic.id))),
        Err(failed) => Err(error::topic(&failed, by_id)?),
    })
}

fn result(version: i16, name: Option<Text>, id: kafka_wire_core::Uuid, deleted: Deleted) -> DeletableTopicResult {
    let (name, id, refusal) = match deleted {
        Ok((name, id)) => (Some(name), id, None),
        Err(refusal) => (name, id, Some(refusal)),
    };
    message!(DeletableTopicResult {
        name: name,
        topic_id: if version >= TOPIC_IDS_FROM { id } else { kafka_wire_core::Uuid::ZERO },
        error_code: refusal.as_ref().map_or(0, |refusal| refusal.code.code()),
        error_message: refusal.filter(|_| version >= 5).and_then(|refusal| text(refusal.message)),
    })
}
