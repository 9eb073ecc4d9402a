//! Fetch, versions 4 to 18: the response splices stored batches in without a copy.

use bytes::{BufMut, Bytes};

use super::{
    Api, ApiKey, RequestHeader, ResponseBuf, TopicKey, WireError,
    primitive::{Put, Reader},
    produce::{put_topic_key, topic_key},
};

/// First version with fetch sessions (KIP-227).
const SESSIONS_FROM: i16 = 7;
/// First version that names topics by id.
pub const TOPIC_IDS_FROM: i16 = 13;

/// A fetch request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRequest {
    /// How long to wait for `min_bytes`, ms.
    pub max_wait_ms: i32,
    /// Answer once there are so many bytes.
    pub min_bytes: i32,
    /// Most bytes of the whole answer (but always one batch).
    pub max_bytes: i32,
    /// 0 read uncommitted, 1 read committed.
    pub isolation_level: i8,
    /// 0 when there is none.
    pub session_id: i32,
    /// -1 no session, 0 a new one, else the next epoch of the session.
    pub session_epoch: i32,
    /// What to read (in a session: what changed).
    pub topics: Vec<FetchTopic>,
    /// What the session no longer wants.
    pub forgotten: Vec<(TopicKey, Vec<i32>)>,
}

/// One topic of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchTopic {
    /// Which.
    pub topic: TopicKey,
    /// Its partitions.
    pub partitions: Vec<FetchPartition>,
}

/// One partition of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchPartition {
    /// Its number.
    pub index: i32,
    /// The leader epoch the client knows, -1 for none.
    pub current_leader_epoch: i32,
    /// The first offset wanted.
    pub fetch_offset: i64,
    /// Epoch of the last record the client has, -1 for none.
    pub last_fetched_epoch: i32,
    /// Most bytes of this partition.
    pub max_bytes: i32,
}

impl FetchRequest {
    /// Reads the body.
    pub fn decode(body: &Bytes, version: i16) -> Result<Self, WireError> {
        let mut reader = Reader::new(body, Api::of(ApiKey::Fetch).is_flexible(version));
        let by_id = version >= TOPIC_IDS_FROM;
        if version <= 14 {
            reader.i32()?; // replica id: followers are not served, and clients send -1
        }
        let mut request = Self {
            max_wait_ms: reader.i32()?,
            min_bytes: reader.i32()?,
            max_bytes: reader.i32()?,
            isolation_level: reader.i8()?,
            session_id: 0,
            session_epoch: -1,
            topics: Vec::new(),
            forgotten: Vec::new(),
        };
        if version >= SESSIONS_FROM {
            request.session_id = reader.i32()?;
            request.session_epoch = reader.i32()?;
        }
        request.topics = reader.array(|reader| {
            let topic = topic_key(reader, by_id)?;
            let partitions = reader.array(|reader| read_partition(reader, version))?;
            reader.skip_tags()?;
            Ok(FetchTopic { topic, partitions })
        })?;
        if version >= SESSIONS_FROM {
            request.forgotten = reader.array(|reader| {
                let topic = topic_key(reader, by_id)?;
                let partitions = reader.array(Reader::i32)?;
                reader.skip_tags()?;
                Ok((topic, partitions))
            })?;
        }
        if version >= 11 {
            reader.string()?; // rack id: there is one place to read from
        }
        reader.skip_tags()?;
        Ok(request)
    }
}

fn read_partition(reader: &mut Reader<'_>, version: i16) -> Result<FetchPartition, WireError> {
    let index = reader.i32()?;
    let current_leader_epoch = if version >= 9 { reader.i32()? } else { -1 };
    let fetch_offset = reader.i64()?;
    let last_fetched_epoch = if version >= 12 { reader.i32()? } else { -1 };
    if version >= 5 {
        reader.i64()?; // log start offset: followers only
    }
    let max_bytes = reader.i32()?;
    reader.skip_tags()?;
    Ok(FetchPartition { index, current_leader_epoch, fetch_offset, last_fetched_epoch, max_bytes })
}

/// The answer for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionFetched {
    /// Its number.
    pub index: i32,
    /// Error code, 0 for none.
    pub error: i16,
    /// The offset after the last visible record, -1 on error.
    pub high_watermark: i64,
    /// The offset after the last record of a finished transaction; the high watermark without transactions.
    pub last_stable: i64,
    /// Where the log begins, -1 on error.
    pub log_start: i64,
    /// Where the client's log and this one part: epoch and end offset (version 12 and later).
    pub diverging: Option<(i32, i64)>,
    /// Whole batches.
    pub records: Vec<Bytes>,
}

impl PartitionFetched {
    /// A refusal.
    #[must_use]
    pub const fn refused(index: i32, error: i16) -> Self {
        Self { index, error, high_watermark: -1, last_stable: -1, log_start: -1, diverging: None, records: Vec::new() }
    }

    /// Bytes of its records.
    #[must_use]
    pub fn record_bytes(&self) -> usize {
        self.records.iter().map(Bytes::len).sum()
    }
}

/// A fetch response.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct FetchResponse {
    /// Error of the whole request, 0 for none.
    pub error: i16,
    /// The session, 0 for none.
    pub session_id: i32,
    /// Whether the request asked for read committed: then the (empty) list of aborted transactions is not null.
    pub read_committed: bool,
    /// Per topic.
    pub topics: Vec<(TopicKey, Vec<PartitionFetched>)>,
}

impl FetchResponse {
    /// Appends the body.
    pub fn encode(self, header: &RequestHeader, response: &mut ResponseBuf) {
        let version = header.version;
        let flexible = header.api.is_flexible(version);
        let out = response.body();
        out.put_i32(0); // throttle time
        if version >= SESSIONS_FROM {
            out.put_i16(self.error);
            out.put_i32(self.session_id);
        }
        out.put_array_len(self.topics.len(), flexible);
        for (topic, partitions) in self.topics {
            put_topic_key(response, &topic, flexible);
            response.body().put_array_len(partitions.len(), flexible);
            for partition in partitions {
                put_partition(response, partition, version, flexible, self.read_committed);
            }
            response.body().put_no_tags(flexible);
        }
        response.body().put_no_tags(flexible);
    }
}

fn put_partition(
    response: &mut ResponseBuf,
    partition: PartitionFetched,
    version: i16,
    flexible: bool,
    read_committed: bool,
) {
    let out = response.body();
    out.put_i32(partition.index);
    out.put_i16(partition.error);
    out.put_i64(partition.high_watermark);
    out.put_i64(partition.last_stable);
    if version >= 5 {
        out.put_i64(partition.log_start);
    }
    match (read_committed, flexible) {
        (true, _) => out.put_array_len(0, flexible),
        (false, true) => out.put_u8(0),
        (false, false) => out.put_i32(-1),
    }
    if version >= 11 {
        out.put_i32(-1); // preferred read replica
    }
    let len = partition.record_bytes();
    if flexible {
        out.put_uvarint(len as u32 + 1);
    } else {
        out.put_u32(len as u32);
    }
    for batch in partition.records {
        response.splice(batch);
    }
    if flexible {
        let out = response.body();
        match partition.diverging {
            None => out.put_u8(0),
            Some((epoch, end)) => {
                // One tagged field: number 0, of epoch, offset and no tags.
                out.put_slice(&[1, 0, 4 + 8 + 1]);
                out.put_i32(epoch);
                out.put_i64(end);
                out.put_u8(0);
            }
        }
    }
}
