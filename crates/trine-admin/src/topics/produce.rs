//! `POST /v1/topics/{name}/produce`: `{records: [...]}` as JSON, or one record a line as NDJSON. A record is `{body, key?, encoding?, key_encoding?, headers?,
//! partition?, timestamp?}`; a body of null is a tombstone. Answers when every record is as durable as the topic asks for, with the offsets it got.
//!
//! Records with a key go to the key's partition as with Java's clients; the others of one request go together to one partition, the next request's to the
//! next. Records of one partition stay in order. Not atomic over partitions: an error says how many were appended before it.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Extension,
    extract::{Path, State},
    http::{HeaderMap, header},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use trine_broker::{Action, Principal, Resource, Topic};
use trine_records::{BatchBuilder, Header};
use trine_types::{Timestamp, TopicName};

use crate::{
    Admin,
    error::ApiError,
    page,
    partitioner::partition_of_key,
    payload::{self, Encoding},
    router::{Answer, ok},
    time,
    topics::{
        append::{append, append_error},
        find, partition,
    },
};

/// Most records of one request: their descriptions in memory are larger than their text.
const RECORDS_MAX: usize = 100_000;
/// A batch is closed when it has this many bytes, if the topic allows so many.
const BATCH_BYTES: usize = 256 << 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Produce {
    records: Vec<NewRecord>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRecord {
    body: Option<String>,
    #[serde(default)]
    encoding: Encoding,
    key: Option<String>,
    #[serde(default)]
    key_encoding: Encoding,
    #[serde(default)]
    headers: Vec<NewHeader>,
    partition: Option<u32>,
    timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewHeader {
    name: String,
    value: Option<String>,
    #[serde(default)]
    encoding: Encoding,
}

/// A record with its bytes and its place decided.
struct Decoded {
    key: Option<Vec<u8>>,
    body: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
    timestamp: i64,
}

/// What one partition got.
#[derive(Default)]
struct Given {
    first: u64,
    last: u64,
    records: u64,
}

/// Appends records.
pub(crate) async fn produce(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let broker = admin.allow(&who, Action::Send, Resource::topic(&name))?;
    let records = read(&headers, &body)?;
    let topic = match find(broker, &name) {
        Ok(topic) => topic,
        Err(_) if admin.info().auto_create => {
            admin.access().check(&who, Action::Create, Resource::topic(&name))?;
            broker.topics().auto_create(&TopicName::parse(&name)?).await?
        }
        Err(error) => return Err(error),
    };
    let now = admin.clock().now();
    let keyless = admin.next_partition() % topic.partitions();
    let mut by_partition: BTreeMap<u32, Vec<Decoded>> = BTreeMap::new();
    let count = records.len();
    for (i, record) in records.into_iter().enumerate() {
        let chosen = record.partition;
        let decoded = record.decode(now).map_err(|e| e.at(i))?;
        let index = match (chosen, &decoded.key) {
            (Some(index), _) => partition(&topic, index)?.index(),
            (None, Some(key)) => partition_of_key(key, topic.partitions()),
            (None, None) => keyless,
        };
        by_partition.entry(index).or_default().push(decoded);
    }
    // All batches are in the log's order before the first answer is waited for: one sync serves them all.
    let mut waiting = Vec::new();
    let mut refused = None;
    'all: for (index, records) in by_partition {
        for (bytes, count) in batches(&topic, &records)? {
            match append(broker, &topic, index, bytes, now).await {
                Ok(appended) => waiting.push((index, count, appended)),
                Err(error) => {
                    refused = Some(error);
                    break 'all;
                }
            }
        }
    }
    let mut given: BTreeMap<u32, Given> = BTreeMap::new();
    for (index, count, appended) in waiting {
        match appended.await {
            Ok(appended) => {
                let entry =
                    given.entry(index).or_insert_with(|| Given { first: appended.base_offset, ..Given::default() });
                entry.records += count;
                entry.last = appended.base_offset + count - 1;
            }
            Err(error) => refused = refused.or_else(|| Some(append_error(error))),
        }
    }
    if let Some(error) = refused {
        let done: u64 = given.values().map(|g| g.records).sum();
        return Err(error.after(done, count));
    }
    let partitions: Vec<_> = given
        .iter()
        .map(|(index, g)| {
            json!({ "partition": index, "first": g.first.to_string(), "last": g.last.to_string(), "records": g.records })
        })
        .collect();
    ok(json!({ "records": count, "partitions": partitions }))
}

fn read(headers: &HeaderMap, body: &Bytes) -> Result<Vec<NewRecord>, ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let records = if kind.starts_with("application/x-ndjson") {
        let lines = body.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty());
        let mut records = Vec::new();
        for (i, line) in lines.enumerate() {
            if i == RECORDS_MAX {
                return Err(too_many());
            }
            records.push(page::json(line).map_err(|e| e.at(i))?);
        }
        records
    } else {
        page::json::<Produce>(body)?.records
    };
    match records.len() {
        0 => Err(ApiError::invalid("there are no records")),
        n if n > RECORDS_MAX => Err(too_many()),
        _ => Ok(records),
    }
}

fn too_many() -> ApiError {
    ApiError::too_large("records", RECORDS_MAX, format!("at most {RECORDS_MAX} records are allowed in one request"))
}

impl NewRecord {
    fn decode(self, now: Timestamp) -> Result<Decoded, ApiError> {
        let timestamp = match &self.timestamp {
            None => now.0,
            Some(text) => time::from_rfc3339(text)
                .ok_or_else(|| ApiError::invalid(format!("the timestamp {text:?} is not in RFC 3339")))?,
        };
        let headers = self
            .headers
            .into_iter()
            .map(|h| Ok((h.name, h.value.map(|v| payload::decode(v, h.encoding, "header")).transpose()?)))
            .collect::<Result<_, ApiError>>()?;
        Ok(Decoded {
            key: self.key.map(|key| payload::decode(key, self.key_encoding, "key")).transpose()?,
            body: self.body.map(|body| payload::decode(body, self.encoding, "body")).transpose()?,
            headers,
            timestamp,
        })
    }
}

/// The records of one partition as batches, each with how many it holds.
fn batches(topic: &Topic, records: &[Decoded]) -> Result<Vec<(Bytes, u64)>, ApiError> {
    let target = BATCH_BYTES.min(topic.config.message_bytes_max);
    let mut out = Vec::new();
    let mut batch = BatchBuilder::new();
    for record in records {
        if batch.count() > 0 && batch.uncompressed_bytes() + record.bytes() > target {
            out.push(finish(std::mem::take(&mut batch))?);
        }
        let headers: Vec<Header<'_>> =
            record.headers.iter().map(|(k, v)| Header { key: k.as_bytes(), value: v.as_deref() }).collect();
        batch.push(record.timestamp, record.key.as_deref(), record.body.as_deref(), &headers);
    }
    out.push(finish(batch)?);
    Ok(out)
}

fn finish(batch: BatchBuilder) -> Result<(Bytes, u64), ApiError> {
    let count = u64::from(batch.count());
    let bytes = batch.build().map_err(|e| ApiError::invalid(e.to_string()))?;
    Ok((bytes, count))
}

impl Decoded {
    /// About how many bytes it takes in a batch; never too few.
    fn bytes(&self) -> usize {
        /// Lengths and deltas of one record or header, at their longest.
        const FIELDS: usize = 32;
        let headers: usize = self.headers.iter().map(|(k, v)| FIELDS + k.len() + v.as_ref().map_or(0, Vec::len)).sum();
        FIELDS + self.key.as_ref().map_or(0, Vec::len) + self.body.as_ref().map_or(0, Vec::len) + headers
    }
}
