//! The stored form of a message (decision E9): one record of a record batch v2. The key is its group, the value its body, the timestamp when it was sent.

use std::borrow::Cow;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use trine_core::queues::{DedupScope, QueueSettings};
use trine_records::{BatchBuilder, BatchHeader, Header, Record, Records, records_of};
use trine_types::{QueueName, Timestamp};

use super::{
    read::Place,
    types::{HEADER_DEATH, HEADER_DEDUP, Message, NewMessage},
};

/// Most bytes a stored batch can decompress to; messages are stored as they are, so this only guards against damage.
const RECORDS_BYTES_MAX: usize = trine_types::limits::OP_BATCH_BYTES_MAX;

/// What a record is made of, before it is written.
#[derive(Clone, Debug)]
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

/// A stored batch that is read message by message: what comes in order is found without walking over what came before.
#[derive(Clone, Debug)]
pub(crate) struct OpenBatch {
    batch: Bytes,
    header: BatchHeader,
    /// The records, not compressed.
    records: Bytes,
    /// Bodies share the batch's memory. Not if it holds others too: a small message must not pin a large batch.
    shared: bool,
    /// Where to look for the next record, and the lowest offset that can be there.
    at: usize,
    from: u64,
}

impl OpenBatch {
    /// Opens a batch; `None` when its header makes no sense.
    pub(crate) fn new(batch: Bytes) -> Option<Self> {
        let header = BatchHeader::parse(&batch).ok()?;
        let (records, shared) = match records_of(&header, &batch, RECORDS_BYTES_MAX).ok()? {
            Cow::Borrowed(records) => (batch.slice_ref(records), header.record_count == 1),
            Cow::Owned(records) => (Bytes::from(records), false),
        };
        Some(Self { batch, header, records, shared, at: 0, from: 0 })
    }

    /// The offsets it covers.
    pub(crate) fn offsets(&self) -> std::ops::Range<u64> {
        self.header.offset_at(0)..self.header.last_offset() + 1
    }

    /// Whether it was opened from these very bytes.
    pub(crate) fn is_of(&self, batch: &Bytes) -> bool {
        self.batch.as_ptr() == batch.as_ptr() && self.batch.len() == batch.len()
    }

    /// The message of a place; `None` when the batch does not hold it or makes no sense.
    pub(crate) fn message(&mut self, place: &Place) -> Option<Message> {
        let offset = place.number.offset();
        if offset < self.from {
            (self.at, self.from) = (0, 0);
        }
        let mut at = self.at;
        let records = self.records.clone();
        for record in Records::new(records.get(at..)?).map_while(Result::ok) {
            at += record.bytes().len();
            if self.header.offset_at(record.offset_delta) == offset {
                (self.at, self.from) = (at, offset + 1);
                return self.read(&record, place);
            }
        }
        None
    }

    fn read(&self, record: &Record<'_>, place: &Place) -> Option<Message> {
        let share =
            |bytes: &[u8]| if self.shared { self.records.slice_ref(bytes) } else { Bytes::copy_from_slice(bytes) };
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
        let mut message = Message {
            message_id: place.message_id,
            number: place.number,
            body: record.value.map(share).unwrap_or_default(),
            headers: Vec::new(),
            group: match record.key {
                Some(key) => Some(text(key)?),
                None => None,
            },
            dedup_id: None,
            sent_at: place.sent_at,
            origin: None,
            death_reason: None,
        };
        for header in record.headers() {
            let name = std::str::from_utf8(header.key).ok()?;
            let value = header.value.unwrap_or_default();
            match name {
                HEADER_DEDUP => message.dedup_id = Some(text(value)?),
                HEADER_DEATH => {
                    let (reason, origin) = std::str::from_utf8(value).ok()?.split_once('\0')?;
                    message.death_reason = Some(reason.to_owned());
                    message.origin = QueueName::parse(origin).ok();
                }
                _ => message.headers.push((name.to_owned(), share(value))),
            }
        }
        Some(message)
    }
}

/// A batch with only these of a batch's records, by place in it.
pub(crate) fn pick_records(batch: &Bytes, wanted: &[usize]) -> Option<Bytes> {
    let header = BatchHeader::parse(batch).ok()?;
    let payload = records_of(&header, batch, RECORDS_BYTES_MAX).ok()?;
    let records: Vec<Record<'_>> = Records::new(&payload).collect::<Result<_, _>>().ok()?;
    let mut picked = BatchBuilder::new();
    for at in wanted {
        let record = records.get(*at)?;
        let headers: Vec<_> = record.headers().collect();
        picked.push(record.timestamp(&header), record.key, record.value, &headers);
    }
    picked.build().ok()
}

#[cfg(test)]
mod tests {
    use trine_core::queues::MessageNumber;
    use trine_types::Uuid;

    use super::*;

    fn message(batch: &Bytes, place: &Place) -> Option<Message> {
        OpenBatch::new(batch.clone())?.message(place)
    }

    fn new(body: &str) -> NewMessage {
        NewMessage { body: Bytes::copy_from_slice(body.as_bytes()), ..NewMessage::default() }
    }

    fn place(offset: u64) -> Place {
        let number = MessageNumber::new(3, offset);
        let entity = trine_types::EntityId::new(1, 1).unwrap();
        Place { number, message_id: Uuid([7; 16]), sent_at: Timestamp(9), entity, batch: None }
    }

    fn batch(messages: &[NewMessage]) -> Bytes {
        let mut batch = BatchBuilder::new();
        for message in messages {
            Content::of_new(message, message.dedup_id.as_deref()).push(&mut batch, Timestamp(5));
        }
        batch.build().unwrap()
    }

    #[test]
    fn messages_come_back_and_move_on_with_what_they_had() {
        let full = NewMessage {
            headers: vec![("x".into(), Bytes::from_static(b"1")), ("x".into(), Bytes::new())],
            group: Some("g".into()),
            dedup_id: Some("d".into()),
            ..new("body")
        };
        let stored = batch(&[new(""), full.clone()]);
        let first = message(&stored, &place(0)).unwrap();
        assert_eq!((first.body.len(), first.group, first.dedup_id, first.headers.len()), (0, None, None, 0));
        let back = message(&stored, &place(1)).unwrap();
        assert_eq!((&back.body, &back.headers, back.sent_at), (&full.body, &full.headers, Timestamp(9)));
        assert!(message(&stored, &place(2)).is_none());
        let mut moved = BatchBuilder::new();
        let mut content = Content::of_stored(&back);
        content.death = Some(("max_receives", "ö/q"));
        content.push(&mut moved, Timestamp(5));
        let moved = message(&moved.build().unwrap(), &place(0)).unwrap();
        let death = (moved.death_reason.as_deref(), moved.origin.as_ref().map(QueueName::as_str));
        assert_eq!(death, (Some("max_receives"), Some("ö/q")));
        assert_eq!((&moved.body, &moved.headers, &moved.group), (&full.body, &full.headers, &full.group));
        assert_eq!(moved.dedup_id, full.dedup_id);
    }

    #[test]
    fn a_message_alone_in_its_batch_is_not_copied() {
        let alone = batch(&[new("large")]);
        let shares = |batch: &Bytes, body: &Bytes| batch.as_ptr_range().contains(&body.as_ptr());
        assert!(shares(&alone, &message(&alone, &place(0)).unwrap().body));
        let two = batch(&[new("large"), new("other")]);
        assert!(!shares(&two, &message(&two, &place(0)).unwrap().body));
    }

    #[test]
    fn some_records_of_a_batch_can_be_picked() {
        let all = batch(&[new("a"), new("b"), new("c")]);
        let picked = pick_records(&all, &[0, 2]).unwrap();
        let body = |at| message(&picked, &place(at)).map(|message| message.body);
        assert_eq!((body(0), body(1), body(2)), (Some("a".into()), Some("c".into()), None));
        assert!(pick_records(&all, &[3]).is_none());
    }

    #[test]
    fn messages_are_found_in_any_order() {
        let names = ["a", "b", "c", "d"];
        let mut open = OpenBatch::new(batch(&names.map(new))).unwrap();
        assert_eq!(open.offsets(), 0..4);
        for offset in [0, 1, 3, 2, 2, 0, 3] {
            assert_eq!(open.message(&place(offset)).unwrap().body, names[offset as usize]);
        }
        assert!(open.message(&place(4)).is_none());
        assert_eq!(open.message(&place(0)).unwrap().body, "a");
    }

    #[test]
    fn damaged_batches_are_no_messages() {
        let sound = batch(&[new("abc")]);
        for cut in 0..sound.len() {
            let _ = message(&sound.slice(..cut), &place(0));
        }
        assert!(message(&Bytes::new(), &place(0)).is_none());
    }

    #[test]
    fn keys_of_deduplication_follow_the_scope() {
        let queue = QueueSettings::default();
        let group = QueueSettings { dedup_scope: DedupScope::Group, ..QueueSettings::default() };
        assert_eq!(dedup_key(&queue, Some("a"), "x"), dedup_key(&queue, Some("b"), "x"));
        assert_ne!(dedup_key(&group, Some("a"), "x"), dedup_key(&group, Some("b"), "x"));
        assert_ne!(dedup_key(&group, Some("ab"), "c"), dedup_key(&group, Some("a"), "bc"));
        let content = QueueSettings { content_dedup: true, ..QueueSettings::default() };
        let hash = dedup_id(&content, &new("abc")).unwrap();
        assert_eq!(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let given = NewMessage { dedup_id: Some("own".into()), ..new("abc") };
        assert_eq!(dedup_id(&content, &given).as_deref(), Some("own"));
        assert_eq!(dedup_id(&queue, &new("abc")), None);
        // On disk for ever.
        assert_eq!(group_hash("a"), 0xcabd_1bca_1281_97ca);
    }
}
