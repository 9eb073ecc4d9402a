//! The stored form of a message (decision E9): one record of a record batch v2. The key is its group, the value its body, the timestamp when it was sent.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use trine_core::queues::{DedupScope, MessageNumber, QueueSettings};
use trine_records::{BatchBuilder, BatchHeader, Header, Record, Records, records_of};
use trine_types::{QueueName, Timestamp, Uuid};

use super::types::{HEADER_DEATH, HEADER_DEDUP, Message, NewMessage};

/// Most bytes a stored batch can decompress to; messages are stored as they are, so this only guards against damage.
const RECORDS_BYTES_MAX: usize = trine_types::limits::OP_BATCH_BYTES_MAX;

/// What a record is made of, before it is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content<'a> {
    pub(crate) body: &'a [u8],
    pub(crate) group: Option<&'a str>,
    pub(crate) headers: Vec<(&'a str, &'a [u8])>,
    pub(crate) dedup_id: Option<&'a str>,
    /// Why and from which queue it came.
    pub(crate) death: Option<(&'a str, &'a str)>,
}

impl<'a> Content<'a> {
    pub(crate) fn of_new(message: &'a NewMessage, dedup_id: Option<&'a str>) -> Self {
        Self {
            body: &message.body,
            group: message.group.as_deref(),
            headers: message.headers.iter().map(|(name, value)| (name.as_str(), value.as_ref())).collect(),
            dedup_id,
            death: None,
        }
    }

    pub(crate) fn of_stored(message: &'a Message) -> Self {
        let origin = message.origin.as_ref().map(QueueName::as_str);
        Self {
            body: &message.body,
            group: message.group.as_deref(),
            headers: message.headers.iter().map(|(name, value)| (name.as_str(), value.as_ref())).collect(),
            dedup_id: message.dedup_id.as_deref(),
            death: message.death_reason.as_deref().zip(origin),
        }
    }

    /// Adds the record to a batch.
    pub(crate) fn push(&self, batch: &mut BatchBuilder, sent_at: Timestamp) {
        let death = self.death.map(|(reason, origin)| format!("{reason}\0{origin}"));
        let mut headers: Vec<Header<'_>> =
            self.headers.iter().map(|(name, value)| Header { key: name.as_bytes(), value: Some(value) }).collect();
        if let Some(id) = self.dedup_id {
            headers.push(Header { key: HEADER_DEDUP.as_bytes(), value: Some(id.as_bytes()) });
        }
        if let Some(death) = &death {
            headers.push(Header { key: HEADER_DEATH.as_bytes(), value: Some(death.as_bytes()) });
        }
        batch.push(sent_at.0, self.group.map(str::as_bytes), Some(self.body), &headers);
    }
}

/// Hash of a group, never 0, the same in every version.
pub(crate) fn group_hash(group: &str) -> u64 {
    let digest = Sha256::digest(group.as_bytes());
    let head = digest.first_chunk::<8>().map_or(0, |head| u64::from_le_bytes(*head));
    head.max(1)
}

/// The deduplication id of a message: its own, or derived from the body where the queue says so.
pub(crate) fn dedup_id(settings: &QueueSettings, message: &NewMessage) -> Option<String> {
    if let Some(id) = &message.dedup_id {
        return Some(id.clone());
    }
    settings.content_dedup.then(|| {
        let digest = Sha256::digest(&message.body);
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    })
}

/// The key of a deduplication id (decision Q9), never 0.
pub(crate) fn dedup_key(settings: &QueueSettings, group: Option<&str>, id: &str) -> u128 {
    let mut hash = Sha256::new();
    match settings.dedup_scope {
        DedupScope::Queue => hash.update([0]),
        DedupScope::Group => {
            let group = group.unwrap_or_default();
            hash.update([1]);
            hash.update((group.len() as u64).to_le_bytes());
            hash.update(group.as_bytes());
        }
    }
    hash.update(id.as_bytes());
    let digest = hash.finalize();
    digest.first_chunk::<16>().map_or(1, |head| u128::from_le_bytes(*head)).max(1)
}

/// A message out of its batch; `None` when the batch does not hold the offset or makes no sense. The body shares the batch's memory unless the batch holds
/// others too: a small message must not pin a large batch.
pub(crate) fn message(batch: &Bytes, offset: u64, number: MessageNumber, message_id: Uuid) -> Option<Message> {
    let header = BatchHeader::parse(batch).ok()?;
    let payload = records_of(&header, batch, RECORDS_BYTES_MAX).ok()?;
    let record =
        Records::new(&payload).map_while(Result::ok).find(|record| header.offset_at(record.offset_delta) == offset)?;
    let own = header.record_count == 1;
    let share = |bytes: &[u8]| match own && std::ptr::eq(payload.as_ref().as_ptr_range().end, batch.as_ptr_range().end)
    {
        true => batch.slice_ref(bytes),
        false => Bytes::copy_from_slice(bytes),
    };
    let sent_at = Timestamp(header.base_timestamp.saturating_add(record.timestamp_delta));
    read(&record, sent_at, number, message_id, share)
}

fn read(
    record: &Record<'_>,
    sent_at: Timestamp,
    number: MessageNumber,
    message_id: Uuid,
    share: impl Fn(&[u8]) -> Bytes,
) -> Option<Message> {
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    let mut message = Message {
        message_id,
        number,
        body: record.value.map(&share).unwrap_or_default(),
        headers: Vec::new(),
        group: record.key.map(text).and_then(|group| group),
        dedup_id: None,
        sent_at,
        origin: None,
        death_reason: None,
    };
    for header in record.headers() {
        let name = text(header.key)?;
        let value = header.value.unwrap_or_default();
        match name.as_str() {
            HEADER_DEDUP => message.dedup_id = text(value),
            HEADER_DEATH => {
                let (reason, origin) = std::str::from_utf8(value).ok()?.split_once('\0')?;
                message.death_reason = Some(reason.to_owned());
                message.origin = QueueName::parse(origin).ok();
            }
            _ => message.headers.push((name, share(value))),
        }
    }
    Some(message)
}
