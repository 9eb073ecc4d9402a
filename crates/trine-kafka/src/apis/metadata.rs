//! Metadata 0–13 → the one broker, and topics with their partitions.
//! Version 0: no topics means all; later null means all. Creates missing topics when the server and the request allow it (version 0–3 always do) and
//! answers with them. Version 12 asks by id. Authorised operations are never told.
//!
//! The answer to "all topics" is encoded once per version of the catalogue.

use std::{collections::HashMap, sync::Arc};

use bytes::{Bytes, BytesMut};
use kafka_wire::metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic};
use kafka_wire_core::{ApiVersion, KafkaEncode};
use parking_lot::Mutex;
use trine_broker::{Action, CatalogSnapshot, Topic, TopicError};
use trine_types::TopicName;

use super::{OPERATIONS_UNKNOWN, control, from_wire_id, message, to_wire_id};
use crate::{
    connection::{Answer, Ctx},
    error::{self, Close, ErrorCode},
    wire::{RequestHeader, ResponseBuf, Text, WireError},
};

/// Encoded answers kept: versions times addresses that clients use.
const CACHED_MAX: usize = 32;

/// Answers to "all topics".
#[derive(Default)]
pub(crate) struct MetadataCache(Mutex<Cached>);

#[derive(Default)]
struct Cached {
    catalog: u64,
    bodies: HashMap<(i16, Text, i32), Bytes>,
}

impl MetadataCache {
    fn get(&self, catalog: u64, key: &(i16, Text, i32)) -> Option<Bytes> {
        let cached = self.0.lock();
        if cached.catalog == catalog { cached.bodies.get(key).cloned() } else { None }
    }

    fn put(&self, catalog: u64, key: (i16, Text, i32), body: Bytes) {
        let mut cached = self.0.lock();
        if cached.catalog > catalog {
            return;
        }
        if cached.catalog < catalog || cached.bodies.len() >= CACHED_MAX {
            cached.catalog = catalog;
            cached.bodies.clear();
        }
        cached.bodies.insert(key, body);
    }
}

pub(super) async fn handle(
    ctx: &Ctx,
    header: &RequestHeader,
    request: control::MetadataRequest,
) -> Result<Answer, Close> {
    let wanted = request.topics.filter(|topics| header.version > 0 || !topics.is_empty());
    let Some(wanted) = wanted else { return all(ctx, header) };
    let create = ctx.kafka.config.auto_create_topics && (header.version < 4 || request.allow_auto_topic_creation);
    let mut topics = Vec::new();
    for asked in wanted {
        let catalog = ctx.kafka.broker.catalog();
        // Java sends an empty name beside an id.
        let by_id = !from_wire_id(asked.topic_id).is_nil();
        topics.push(match asked.name.as_ref().filter(|_| !by_id) {
            Some(name) => by_name(ctx, &catalog, name, create).await?,
            None => {
                let id = from_wire_id(asked.topic_id);
                match catalog.topic_by_id(id).filter(|topic| ctx.sees_topic(topic.name.as_str())) {
                    Some(topic) => known(ctx, topic),
                    None => message!(MetadataResponseTopic {
                        error_code: ErrorCode::UnknownTopicId.code(),
                        name: if header.version < 12 { Some(Text::default()) } else { None },
                        topic_id: asked.topic_id,
                        topic_authorized_operations: OPERATIONS_UNKNOWN,
                    }),
                }
            }
        });
    }
    let mut out = ResponseBuf::new(header);
    out.message(header, &response(ctx, topics))?;
    Ok(out.finish().into())
}

fn all(ctx: &Ctx, header: &RequestHeader) -> Result<Answer, Close> {
    let catalog = ctx.kafka.broker.catalog();
    let (host, port) = ctx.endpoint();
    let key = (header.version, host, port);
    // With users configured the answer depends on who asks.
    let shared = !ctx.kafka.broker.access().has_users();
    let cache = &ctx.kafka.metadata;
    let body = match cache.get(catalog.version(), &key).filter(|_| shared) {
        Some(body) => body,
        None => {
            let mut topics: Vec<_> = catalog.topics().filter(|topic| ctx.sees_topic(topic.name.as_str())).collect();
            topics.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            let message = response(ctx, topics.into_iter().map(|topic| known(ctx, topic)).collect());
            let mut body = BytesMut::new();
            message
                .encode_into(&mut body, ApiVersion::new(header.version))
                .map_err(|error| WireError::Encode { api: header.api.name, reason: error.to_string() })?;
            let body = body.freeze();
            if shared {
                cache.put(catalog.version(), key, body.clone());
            }
            body
        }
    };
    let mut out = ResponseBuf::new(header);
    out.splice(body);
    Ok(out.finish().into())
}

fn response(ctx: &Ctx, topics: Vec<MetadataResponseTopic>) -> control::MetadataResponse {
    let (host, port) = ctx.endpoint();
    message!(control::MetadataResponse {
        brokers: vec![message!(MetadataResponseBroker { node_id: ctx.node_id(), host: host, port: port })],
        cluster_id: Some(ctx.cluster_id()),
        controller_id: ctx.node_id(),
        topics: topics,
        cluster_authorized_operations: OPERATIONS_UNKNOWN,
    })
}

async fn by_name(
    ctx: &Ctx,
    catalog: &Arc<CatalogSnapshot>,
    name: &Text,
    create: bool,
) -> Result<MetadataResponseTopic, Close> {
    let refused = |code: ErrorCode| {
        message!(MetadataResponseTopic {
            error_code: code.code(),
            name: Some(name.clone()),
            topic_authorized_operations: OPERATIONS_UNKNOWN,
        })
    };
    if !ctx.sees_topic(name) {
        return Ok(refused(ErrorCode::TopicAuthorizationFailed));
    }
    if let Some(topic) = catalog.topic(name) {
        return Ok(known(ctx, topic));
    }
    let Ok(parsed) = TopicName::parse(name) else { return Ok(refused(ErrorCode::InvalidTopicException)) };
    if !create {
        return Ok(refused(ErrorCode::UnknownTopicOrPartition));
    }
    if !ctx.allows_topic(Action::Create, name) {
        return Ok(refused(ErrorCode::TopicAuthorizationFailed));
    }
    Ok(match ctx.kafka.broker.topics().auto_create(&parsed).await {
        Ok(topic) => known(ctx, &topic),
        // Deleted again in between.
        Err(TopicError::NotFound) => refused(ErrorCode::UnknownTopicOrPartition),
        Err(error) => refused(error::topic(&error, false)?.code),
    })
}

fn known(ctx: &Ctx, topic: &Arc<Topic>) -> MetadataResponseTopic {
    let node = ctx.node_id();
    let partitions = topic.all_partitions().map(|partition| {
        message!(MetadataResponsePartition {
            partition_index: partition.index() as i32,
            leader_id: node,
            leader_epoch: partition.view().leader_epoch(),
            replica_nodes: vec![node],
            isr_nodes: vec![node],
        })
    });
    message!(MetadataResponseTopic {
        name: Some(Text::from(topic.name.as_str())),
        topic_id: to_wire_id(topic.id),
        partitions: partitions.collect(),
        topic_authorized_operations: OPERATIONS_UNKNOWN,
    })
}
