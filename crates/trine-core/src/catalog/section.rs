//! The catalogue in a checkpoint.

use std::sync::Arc;

use bytes::Bytes;
use trine_types::Timestamp;

use super::record::{decode_group_name, decode_settings, decode_topic_name, encode_settings};
use super::{Catalog, Extent, TopicDefaults, TopicInfo};
use crate::codec::{DecodeError, Reader, Writer};

const VERSION: u8 = 1;

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
        w.finish()
    }

    /// The state back from [`Catalog::encode_section`].
    pub fn decode_section(bytes: &[u8], defaults: Arc<TopicDefaults>) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes, "the catalogue's checkpoint section");
        if r.u8()? != VERSION {
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
        r.end()?;
        Ok(catalog)
    }
}
