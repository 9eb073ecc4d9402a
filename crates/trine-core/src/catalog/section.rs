//! The catalogue in a checkpoint.

use std::sync::Arc;

use bytes::Bytes;
use trine_types::{Namespace, Timestamp};

use super::record::{
    decode_group_name, decode_key, decode_namespace, decode_queue_name, decode_settings, decode_topic_name,
    encode_settings,
};
use super::{Catalog, Extent, QueueInfo, QueueKey, TopicDefaults, TopicInfo};
use crate::codec::{DecodeError, Reader, Writer};
use crate::queues::QueueSettings;

/// 2 added queues.
const VERSION: u8 = 2;
const VERSION_WITHOUT_QUEUES: u8 = 1;

impl Catalog {
    /// The whole state.
    #[must_use]
    pub fn encode_section(&self) -> Bytes {
        let mut w = Writer::new();
        w.u8(VERSION);
        w.var(self.version);
        w.raw(&self.cluster_id.0);
        w.var(self.next_number);
        w.i64(self.next_producer_id);
        let mut topics: Vec<_> = self.topics().collect();
        topics.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        w.var(topics.len() as u64);
        for topic in topics {
            w.raw(&topic.id.0);
            w.str(topic.name.as_str());
            w.i64(topic.created_at.0);
            w.var(topic.extents.len() as u64);
            for extent in &topic.extents {
                w.var(extent.first_number);
                w.var(u64::from(extent.count));
            }
            encode_settings(&mut w, topic.config.overrides.iter().map(|(name, value)| (*name, value.as_str())));
        }
        let mut groups: Vec<_> = self.groups().collect();
        groups.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        w.var(groups.len() as u64);
        for group in groups {
            w.str(group.name.as_str());
            w.var(group.entity.number());
        }
        self.encode_queues(&mut w);
        w.finish()
    }

    fn encode_queues(&self, w: &mut Writer) {
        w.u8(u8::from(self.receipt_key.is_some()));
        if let Some(key) = &self.receipt_key {
            w.raw(key);
        }
        w.var(self.queues_len() as u64);
        let mut before: Option<&QueueSettings> = None;
        for queue in self.queues() {
            w.raw(&queue.id.0);
            w.str(queue.namespace.as_str());
            w.str(queue.name.as_str());
            w.var(queue.first_number);
            w.u8(queue.lanes);
            w.i64(queue.created_at.0);
            w.i64(queue.altered_at.0);
            w.var(queue.version);
            // Equal settings are written once.
            let same = before == Some(&*queue.settings);
            w.u8(u8::from(same));
            if !same {
                queue.settings.encode(w);
            }
            before = Some(&queue.settings);
        }
        let mut tombstones: Vec<_> = self.tombstones.iter().collect();
        tombstones.sort_unstable_by(|a, b| a.0.cmp(b.0));
        w.var(tombstones.len() as u64);
        for (key, at) in tombstones {
            w.str(key.as_str());
            w.i64(at.0);
        }
    }

    fn decode_queues(&mut self, r: &mut Reader<'_>) -> Result<(), DecodeError> {
        if r.u8()? != 0 {
            self.receipt_key = Some(decode_key(r)?);
        }
        let mut before: Option<Arc<QueueSettings>> = None;
        for _ in 0..r.count()? {
            let (id, namespace, name) = (r.uuid()?, decode_namespace(r)?, decode_queue_name(r)?);
            let (first_number, lanes) = (r.var()?, r.u8()?.max(1));
            let (created_at, altered_at, version) = (Timestamp(r.i64()?), Timestamp(r.i64()?), r.var()?);
            let settings = match (r.u8()?, before.take()) {
                (0, _) => Arc::new(QueueSettings::decode(r)?),
                (_, Some(before)) => before,
                (_, None) => return r.fail(),
            };
            before = Some(Arc::clone(&settings));
            self.put_queue(QueueInfo {
                id,
                namespace,
                name,
                first_number,
                lanes,
                settings,
                created_at,
                altered_at,
                version,
            });
        }
        for _ in 0..r.count()? {
            let key = r.str()?;
            let Some((namespace, name)) = key.split_once('\0') else { return r.fail() };
            let namespace = Namespace::parse(namespace).or_else(|_| r.fail())?;
            self.tombstones.insert(QueueKey::new(&namespace, name), Timestamp(r.i64()?));
        }
        Ok(())
    }

    /// The state back from [`Catalog::encode_section`].
    pub fn decode_section(bytes: &[u8], defaults: Arc<TopicDefaults>) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes, "the catalogue's checkpoint section");
        let version = r.u8()?;
        if !(VERSION_WITHOUT_QUEUES..=VERSION).contains(&version) {
            return r.fail();
        }
        let mut catalog = Self::new(defaults);
        catalog.version = r.var()?;
        catalog.cluster_id = r.uuid()?;
        catalog.next_number = r.var()?;
        catalog.next_producer_id = r.i64()?;
        for _ in 0..r.count()? {
            let (id, name, created_at) = (r.uuid()?, decode_topic_name(&mut r)?, Timestamp(r.i64()?));
            let mut extents = Vec::new();
            let mut first_index = 0_u32;
            for _ in 0..r.count()? {
                let extent = Extent { first_index, first_number: r.var()?, count: r.var_u32()? };
                let Some(next) = first_index.checked_add(extent.count) else { return r.fail() };
                first_index = next;
                extents.push(extent);
            }
            let config = catalog.config(&decode_settings(&mut r)?);
            catalog.put_topic(TopicInfo { id, name, extents, config, created_at });
        }
        for _ in 0..r.count()? {
            let (name, number) = (decode_group_name(&mut r)?, r.var()?);
            catalog.put_group(name, number);
        }
        if version > VERSION_WITHOUT_QUEUES {
            catalog.decode_queues(&mut r)?;
        }
        r.end()?;
        Ok(catalog)
    }
}
