//! `POST /v1/topics/{name}/consume`: records as lines of JSON, while there are any or as they come.
//!
//! `{from?, group?, partitions?, limit?, follow?}`. Without a group, `from` says where to begin (default `end` when following, else `start`). With a group,
//! the group's commits do, and `from` (default `start`) where it has none; the reader commits by `POST /v1/groups/{name}/seek` once it has dealt with the
//! records, so nothing is lost when it does not. Without `follow` the answer ends at what was the end when it began.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Path, State},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use trine_broker::{
    Action, Broker, FetchError, FetchPartition, FetchSpec, Fetched, OffsetsWanted, PartitionRef, Principal, Resource,
    Topic,
};
use trine_net::DrainSignal;
use trine_records::{BatchHeader, Records, records_of};
use trine_storage::StoredBatch;
use trine_types::{GroupName, Offset};

use crate::{
    Admin,
    error::ApiError,
    lines::{Gone, LineSender, lines},
    page,
    payload::{self, Encoding},
    position::Position,
    router::Answer,
    time,
    topics::{find, partition, partitions},
};

/// Bytes of batches read at a time; also about what waits in memory for a slow reader.
const FETCH_BYTES: u32 = 1 << 20;
/// Bytes of one partition read at a time, so that partitions take turns.
const FETCH_PARTITION_BYTES: u32 = 256 << 10;
/// How long one read waits for more: between two, a drain is noticed.
const FETCH_WAIT: Duration = Duration::from_secs(5);
/// Most bytes one batch may have when decompressed.
const DECOMPRESSED_BYTES_MAX: usize = 64 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Consume {
    from: Option<String>,
    group: Option<String>,
    partitions: Option<Vec<u32>>,
    limit: Option<u64>,
    #[serde(default)]
    follow: bool,
}

/// Where the reader stands in one partition.
struct Cursor {
    partition: PartitionRef,
    next: Offset,
    /// Where to stop; none when following.
    stop: Option<Offset>,
}

/// Streams records.
pub(crate) async fn consume(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let wanted: Consume = page::json(&body)?;
    let broker = admin.allow(&who, Action::Read, Resource::topic(&name))?;
    let topic = find(broker, &name)?;
    let chosen = match &wanted.partitions {
        None => partitions(&topic, None)?,
        Some(indexes) => indexes.iter().map(|index| partition(&topic, *index)).collect::<Result<_, _>>()?,
    };
    let committed = match &wanted.group {
        None => BTreeMap::new(),
        Some(group) => {
            admin.access().check(&who, Action::Read, Resource::group(group))?;
            commits(broker, &GroupName::parse(group)?, &topic).await?
        }
    };
    let default = if wanted.follow && wanted.group.is_none() { "end" } else { "start" };
    let from = Position::parse(wanted.from.as_deref().unwrap_or(default), admin.clock().now())?;
    let mut cursors = Vec::with_capacity(chosen.len());
    for partition in chosen {
        let next = match committed.get(&partition.index()) {
            Some(offset) => *offset,
            None => from.resolve(broker, &partition).await?,
        };
        // A commit may be older than what is still there.
        let next = next.max(partition.view().log_start());
        let stop = (!wanted.follow).then(|| partition.view().end());
        cursors.push(Cursor { partition, next, stop });
    }
    let (sender, response) = lines();
    let reader = Reader { broker: broker.clone(), cursors, left: wanted.limit.unwrap_or(u64::MAX), sender };
    let drain = admin.drain();
    tokio::spawn(reader.run(drain));
    Ok(response)
}

async fn commits(broker: &Broker, group: &GroupName, topic: &Topic) -> Result<BTreeMap<u32, Offset>, ApiError> {
    let wanted = (0..topic.partitions()).map(|p| (topic.id, p)).collect();
    let mut found = broker.groups().fetch_offsets(vec![(group.clone(), OffsetsWanted::These(wanted))]).await;
    let offsets = found.pop().ok_or_else(|| ApiError::internal("the broker gave no answer"))??;
    Ok(offsets.into_iter().filter_map(|(_, partition, commit)| Some((partition, commit?.offset))).collect())
}

struct Reader {
    broker: Broker,
    cursors: Vec<Cursor>,
    left: u64,
    sender: LineSender,
}

impl Reader {
    async fn run(mut self, mut drain: DrainSignal) {
        loop {
            self.cursors.retain(|c| c.stop.is_none_or(|stop| c.next < stop));
            if self.left == 0 || self.cursors.is_empty() {
                return;
            }
            let spec = FetchSpec {
                partitions: self.cursors.iter().map(Cursor::request).collect(),
                min_bytes: 1,
                max_bytes: FETCH_BYTES,
                max_wait: FETCH_WAIT,
            };
            let streams = self.broker.streams();
            let result = tokio::select! {
                result = streams.fetch(spec) => result,
                () = self.sender.gone() => return,
                () = drain.draining() => return,
            };
            for (i, fetched) in result.partitions.into_iter().enumerate() {
                let done = match fetched {
                    Ok(fetched) => self.deliver(i, fetched).await,
                    Err(FetchError::OutOfRange { log_start, end, .. }) => {
                        // Trimmed below us while we read, or a start beyond the end.
                        self.skip_to(i, log_start, end);
                        Ok(())
                    }
                    Err(error) => self.fail(&ApiError::internal(error.to_string())).await,
                };
                if done.is_err() || self.left == 0 {
                    return;
                }
            }
            // The next read begins with another partition, so that the first does not starve the rest.
            self.cursors.rotate_left(1);
        }
    }

    async fn deliver(&mut self, i: usize, fetched: Fetched) -> Result<(), Gone> {
        for batch in fetched.batches {
            let Some(cursor) = self.cursors.get_mut(i) else { return Ok(()) };
            let mut chunk = Vec::new();
            let written = cursor.write(&batch, &mut self.left, &mut chunk);
            self.sender.send(chunk).await?;
            if let Err(error) = written {
                return self.fail(&error).await;
            }
            if self.left == 0 {
                break;
            }
        }
        Ok(())
    }

    fn skip_to(&mut self, i: usize, log_start: Offset, end: Offset) {
        if let Some(cursor) = self.cursors.get_mut(i) {
            cursor.next = if cursor.next < log_start { log_start } else { end };
        }
    }

    /// The last line says why there are no more.
    async fn fail(&mut self, error: &ApiError) -> Result<(), Gone> {
        let mut line = error.to_json().to_string().into_bytes();
        line.push(b'\n');
        self.sender.send(line).await?;
        Err(Gone)
    }
}

impl Cursor {
    fn request(&self) -> FetchPartition {
        FetchPartition {
            partition: self.partition.clone(),
            from: self.next,
            max_bytes: FETCH_PARTITION_BYTES,
            current_leader_epoch: None,
            last_fetched_epoch: None,
        }
    }

    /// Writes the records of a batch that are wanted, one line each, and moves on.
    fn write(&mut self, batch: &StoredBatch, left: &mut u64, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let bad = |e: trine_records::BatchError| ApiError::internal(format!("a stored batch cannot be read: {e}"));
        let header = BatchHeader::parse(&batch.bytes).map_err(bad)?;
        if !header.attributes.control() {
            let payload = records_of(&header, &batch.bytes, DECOMPRESSED_BYTES_MAX).map_err(bad)?;
            for record in Records::new(&payload) {
                let record = record.map_err(bad)?;
                let offset = batch.base.saturating_add_signed(i64::from(record.offset_delta));
                if offset < self.next {
                    continue;
                }
                if self.stop.is_some_and(|stop| offset >= stop) || *left == 0 {
                    break;
                }
                write_line(out, self.partition.index(), offset, &record, record.timestamp(&header));
                *left -= 1;
                self.next = offset + 1;
            }
        }
        if *left > 0 {
            self.next = self.next.max(batch.end());
        }
        Ok(())
    }
}

/// A record as a line. Borrowed: a reader that catches up gets hundreds of thousands of them a second.
#[derive(Serialize)]
struct Line<'a> {
    partition: u32,
    offset: String,
    timestamp: String,
    key: Option<Cow<'a, str>>,
    key_encoding: Option<Encoding>,
    body: Option<Cow<'a, str>>,
    encoding: Option<Encoding>,
    headers: Vec<LineHeader<'a>>,
}

#[derive(Serialize)]
struct LineHeader<'a> {
    name: Cow<'a, str>,
    value: Option<Cow<'a, str>>,
    encoding: Option<Encoding>,
}

fn write_line(out: &mut Vec<u8>, partition: u32, offset: Offset, record: &trine_records::Record<'_>, timestamp: i64) {
    let encode = |bytes: Option<_>| bytes.map(payload::encode).unzip();
    let (key, key_encoding) = encode(record.key);
    let (body, encoding) = encode(record.value);
    let headers = record
        .headers()
        .map(|h| {
            let (value, encoding) = encode(h.value);
            LineHeader { name: String::from_utf8_lossy(h.key), value, encoding }
        })
        .collect();
    let (offset, timestamp) = (offset.to_string(), time::to_rfc3339(timestamp));
    let line = Line { partition, offset, timestamp, key, key_encoding, body, encoding, headers };
    // Serialising a value into memory cannot fail.
    let _ = serde_json::to_writer(&mut *out, &line);
    out.push(b'\n');
}
