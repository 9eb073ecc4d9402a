//! Offsets and groups that nobody needs any more. This is message time: it moves with a test clock, unlike sessions (decision E16).

use trine_types::{Timestamp, TopicName, Uuid};

use super::{Committed, Group, GroupRecord, GroupSettings, GroupState, Outcome, settings::EMPTY_GROUP_LINGER_MS};

impl Group {
    /// What has expired at `now`: offsets, or with the last of them the group. `topic_name` tells the name of a topic that exists; offsets of others are
    /// left to [`Group::drop_topics`].
    ///
    /// - In an empty group an offset expires when both the group has been empty and the offset has not been committed again for the retention time; in a
    ///   group that never had members the latter alone counts.
    /// - In a stable group of consumers an offset expires so long after its commit, if no member subscribes to its topic.
    /// - Otherwise nothing expires. A commit's explicit time to live takes the place of all this, in the same states.
    pub fn expire(
        &self,
        settings: &GroupSettings,
        now: Timestamp,
        topic_name: impl Fn(Uuid) -> Option<TopicName>,
    ) -> Outcome<()> {
        let due = self.expiries(settings, topic_name);
        let expired: std::collections::BTreeSet<_> =
            due.into_iter().filter(|(_, at)| *at <= now).map(|(key, _)| key).collect();
        let nothing_left = expired.len() == self.logged.offsets.len();
        let unused =
            self.may_vanish() && nothing_left && (!expired.is_empty() || self.linger_end().is_some_and(|at| at <= now));
        let records = if unused { vec![GroupRecord::Deleted] } else { GroupRecord::offsets_removed(expired) };
        Outcome { reply: (), records, effects: Vec::new() }
    }

    /// When [`Group::expire`] has something to do next, as things are.
    #[must_use]
    pub fn next_expiry(
        &self,
        settings: &GroupSettings,
        topic_name: impl Fn(Uuid) -> Option<TopicName>,
    ) -> Option<Timestamp> {
        let first = self.expiries(settings, topic_name).into_iter().map(|(_, at)| at).min();
        first.or_else(|| self.linger_end().filter(|_| self.may_vanish() && self.logged.offsets.is_empty()))
    }

    /// Whether nobody is there, and nobody has been promised an id.
    fn may_vanish(&self) -> bool {
        self.state() == GroupState::Empty && self.session.is_idle() && !self.is_vacant()
    }

    fn linger_end(&self) -> Option<Timestamp> {
        self.logged.empty_since.map(|at| at.plus_ms(EMPTY_GROUP_LINGER_MS))
    }

    /// Offsets that can expire in the present state, and when.
    fn expiries(
        &self,
        settings: &GroupSettings,
        topic_name: impl Fn(Uuid) -> Option<TopicName>,
    ) -> Vec<((Uuid, u32), Timestamp)> {
        let retention = settings.offset_retention_ms;
        let at = |from: Timestamp, offset: &Committed| offset.expires_at.unwrap_or_else(|| from.plus_ms(retention));
        let offsets = self.logged.offsets.iter();
        match self.state() {
            GroupState::Empty if self.may_vanish() => {
                // Never having had members, the group has no state time worth looking at.
                let since =
                    self.logged.protocol_type.as_ref().and(self.logged.empty_since).unwrap_or(Timestamp(i64::MIN));
                offsets.map(|(key, offset)| (*key, at(since.max(offset.committed_at), offset))).collect()
            }
            GroupState::Stable if self.logged.is_consumer() => {
                let Some(subscribed) = self.logged.subscribed_topics() else { return Vec::new() };
                let free = |topic| topic_name(topic).is_some_and(|name| !subscribed.contains(name.as_str()));
                offsets
                    .filter(|((topic, _), _)| free(*topic))
                    .map(|(key, offset)| (*key, at(offset.committed_at, offset)))
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}
