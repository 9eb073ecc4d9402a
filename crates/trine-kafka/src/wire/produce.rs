//! Produce, versions 3 to 13: records stay slices of the request's frame.

use bytes::{BufMut, Bytes};

use super::{
    Api, ApiKey, RequestHeader, ResponseBuf, Text, TopicKey, WireError,
    primitive::{Put, Reader},
};

/// First version that lists bad records (KIP-467).
const RECORD_ERRORS_FROM: i16 = 8;
/// First version that names topics by id.
const TOPIC_IDS_FROM: i16 = 13;

/// A produce request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProduceRequest {
    /// Set by transactional producers.
    pub transactional_id: Option<Text>,
    /// 0: no answer; 1 and -1: answer when durable; others are invalid.
    pub acks: i16,
    /// How long the answer may take, ms.
    pub timeout_ms: i32,
    /// What to write.
    pub topics: Vec<ProduceTopic>,
}

/// One topic of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProduceTopic {
    /// Which.
    pub topic: TopicKey,
    /// Its partitions.
    pub partitions: Vec<ProducePartition>,
}

/// One partition of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducePartition {
    /// Its number.
    pub index: i32,
    /// The batch.
    pub records: Option<Bytes>,
}

impl ProduceRequest {
    /// Reads the body.
    pub fn decode(body: &Bytes, version: i16) -> Result<Self, WireError> {
        let mut reader = Reader::new(body, Api::of(ApiKey::Produce).is_flexible(version));
        let request = Self {
            transactional_id: reader.nullable_string()?,
            acks: reader.i16()?,
            timeout_ms: reader.i32()?,
            topics: reader.array(|reader| {
                let topic = topic_key(reader, version >= TOPIC_IDS_FROM)?;
                let partitions = reader.array(|reader| {
                    let partition = ProducePartition { index: reader.i32()?, records: reader.nullable_bytes()? };
                    reader.skip_tags()?;
                    Ok(partition)
                })?;
                reader.skip_tags()?;
                Ok(ProduceTopic { topic, partitions })
            })?,
        };
        reader.skip_tags()?;
        Ok(request)
    }
}

/// A topic by name or id.
pub(super) fn topic_key(reader: &mut Reader<'_>, by_id: bool) -> Result<TopicKey, WireError> {
    Ok(if by_id { TopicKey::Id(reader.uuid()?) } else { TopicKey::Name(reader.string()?) })
}

pub(super) fn put_topic_key(response: &mut ResponseBuf, topic: &TopicKey, flexible: bool) {
    match topic {
        TopicKey::Name(name) => response.body().put_string(name, flexible),
        TopicKey::Id(id) => response.body().put_slice(&id.0),
    }
}

/// The answer for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionProduced {
    /// Its number.
    pub index: i32,
    /// Error code, 0 for none.
    pub error: i16,
    /// Offset of the first record, -1 on error.
    pub base_offset: i64,
    /// The timestamp the broker set, -1 when it set none.
    pub log_append_time_ms: i64,
    /// Where the log begins, -1 when unknown.
    pub log_start_offset: i64,
    /// Bad records and what is wrong with each.
    pub record_errors: Vec<(i32, &'static str)>,
    /// What is wrong.
    pub error_message: Option<String>,
}

impl PartitionProduced {
    /// A refusal.
    #[must_use]
    pub const fn refused(index: i32, error: i16, message: Option<String>) -> Self {
        Self {
            index,
            error,
            base_offset: -1,
            log_append_time_ms: -1,
            log_start_offset: -1,
            record_errors: Vec::new(),
            error_message: message,
        }
    }
}

/// A produce response.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ProduceResponse {
    /// Per topic, in the request's order.
    pub topics: Vec<(TopicKey, Vec<PartitionProduced>)>,
}

impl ProduceResponse {
    /// Appends the body.
    pub fn encode(&self, header: &RequestHeader, response: &mut ResponseBuf) {
        let version = header.version;
        let flexible = header.api.is_flexible(version);
        response.body().put_array_len(self.topics.len(), flexible);
        for (topic, partitions) in &self.topics {
            put_topic_key(response, topic, flexible);
            let out = response.body();
            out.put_array_len(partitions.len(), flexible);
            for partition in partitions {
                out.put_i32(partition.index);
                out.put_i16(partition.error);
                out.put_i64(partition.base_offset);
                out.put_i64(partition.log_append_time_ms);
                if version >= 5 {
                    out.put_i64(partition.log_start_offset);
                }
                if version >= RECORD_ERRORS_FROM {
                    out.put_array_len(partition.record_errors.len(), flexible);
                    for (index, message) in &partition.record_errors {
                        out.put_i32(*index);
                        out.put_string(message, flexible);
                        out.put_no_tags(flexible);
                    }
                    out.put_nullable_string(partition.error_message.as_deref(), flexible);
                }
                out.put_no_tags(flexible);
            }
            out.put_no_tags(flexible);
        }
        let out = response.body();
        out.put_i32(0); // throttle time
        out.put_no_tags(flexible);
    }
}
