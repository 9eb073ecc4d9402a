//! The one table of what is served. ApiVersions advertises it, the header parser and the dispatcher obey it, the documentation is checked against it.

/// Numbers of the APIs this server knows (they are the protocol's).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(i16)]
#[allow(missing_docs, reason = "the names are the protocol's own")]
pub enum ApiKey {
    Produce = 0,
    Fetch = 1,
    ListOffsets = 2,
    Metadata = 3,
    OffsetCommit = 8,
    OffsetFetch = 9,
    FindCoordinator = 10,
    JoinGroup = 11,
    Heartbeat = 12,
    LeaveGroup = 13,
    SyncGroup = 14,
    DescribeGroups = 15,
    ListGroups = 16,
    ApiVersions = 18,
    CreateTopics = 19,
    DeleteTopics = 20,
    DeleteRecords = 21,
    InitProducerId = 22,
    OffsetForLeaderEpoch = 23,
    DescribeConfigs = 32,
    AlterConfigs = 33,
    DescribeLogDirs = 35,
    CreatePartitions = 37,
    DeleteGroups = 42,
    ElectLeaders = 43,
    IncrementalAlterConfigs = 44,
    ListPartitionReassignments = 46,
    OffsetDelete = 47,
    DescribeCluster = 60,
    DescribeTopicPartitions = 75,
}

/// One API: which versions are advertised and served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Api {
    /// Its number.
    pub key: ApiKey,
    /// Its name in the protocol's documentation.
    pub name: &'static str,
    /// Lowest version advertised.
    pub min: i16,
    /// Highest version advertised and served.
    pub max: i16,
    /// First version with compact types and tagged fields; none for APIs that never got them.
    pub flexible: Option<i16>,
    /// Lowest version served. Above `min` only for Produce: librdkafka before 2.11.1 turns compression off unless 0 is advertised.
    pub served: i16,
}

const fn api(key: ApiKey, name: &'static str, min: i16, max: i16, flexible: i16) -> Api {
    Api { key, name, min, max, flexible: Some(flexible), served: min }
}

/// What is served, in the order of the API numbers. Transactions, the new group protocol, share groups, SASL and ACLs are not.
pub const APIS: &[Api] = &[
    Api { served: 3, ..api(ApiKey::Produce, "Produce", 0, 13, 9) },
    api(ApiKey::Fetch, "Fetch", 4, 18, 12),
    api(ApiKey::ListOffsets, "ListOffsets", 1, 11, 6),
    api(ApiKey::Metadata, "Metadata", 0, 13, 9),
    api(ApiKey::OffsetCommit, "OffsetCommit", 2, 10, 8),
    api(ApiKey::OffsetFetch, "OffsetFetch", 1, 10, 6),
    api(ApiKey::FindCoordinator, "FindCoordinator", 0, 6, 3),
    api(ApiKey::JoinGroup, "JoinGroup", 0, 9, 6),
    api(ApiKey::Heartbeat, "Heartbeat", 0, 4, 4),
    api(ApiKey::LeaveGroup, "LeaveGroup", 0, 5, 4),
    api(ApiKey::SyncGroup, "SyncGroup", 0, 5, 4),
    api(ApiKey::DescribeGroups, "DescribeGroups", 0, 6, 5),
    api(ApiKey::ListGroups, "ListGroups", 0, 5, 3),
    api(ApiKey::ApiVersions, "ApiVersions", 0, 5, 3),
    api(ApiKey::CreateTopics, "CreateTopics", 2, 7, 5),
    api(ApiKey::DeleteTopics, "DeleteTopics", 1, 6, 4),
    api(ApiKey::DeleteRecords, "DeleteRecords", 0, 2, 2),
    api(ApiKey::InitProducerId, "InitProducerId", 0, 5, 2),
    api(ApiKey::OffsetForLeaderEpoch, "OffsetForLeaderEpoch", 2, 4, 4),
    api(ApiKey::DescribeConfigs, "DescribeConfigs", 1, 4, 4),
    api(ApiKey::AlterConfigs, "AlterConfigs", 0, 2, 2),
    api(ApiKey::DescribeLogDirs, "DescribeLogDirs", 1, 5, 2),
    api(ApiKey::CreatePartitions, "CreatePartitions", 0, 3, 2),
    api(ApiKey::DeleteGroups, "DeleteGroups", 0, 2, 2),
    api(ApiKey::ElectLeaders, "ElectLeaders", 0, 2, 2),
    api(ApiKey::IncrementalAlterConfigs, "IncrementalAlterConfigs", 0, 1, 1),
    api(ApiKey::ListPartitionReassignments, "ListPartitionReassignments", 0, 0, 0),
    Api { flexible: None, ..api(ApiKey::OffsetDelete, "OffsetDelete", 0, 0, 0) },
    api(ApiKey::DescribeCluster, "DescribeCluster", 0, 2, 0),
    api(ApiKey::DescribeTopicPartitions, "DescribeTopicPartitions", 0, 0, 0),
];

impl Api {
    /// The entry of an API number.
    #[must_use]
    pub fn find(key: i16) -> Option<&'static Self> {
        APIS.iter().find(|api| api.key as i16 == key)
    }

    /// The entry of an API.
    #[must_use]
    pub fn of(key: ApiKey) -> &'static Self {
        match Self::find(key as i16) {
            Some(api) => api,
            // A key without an entry is caught by the test below.
            None => &APIS[0],
        }
    }

    /// Whether a version uses compact types and tagged fields.
    #[must_use]
    pub fn is_flexible(&self, version: i16) -> bool {
        self.flexible.is_some_and(|first| version >= first)
    }

    /// Whether requests of this version are answered.
    #[must_use]
    pub const fn serves(&self, version: i16) -> bool {
        self.served <= version && version <= self.max
    }

    /// The versions that are answered.
    pub fn versions(&self) -> impl Iterator<Item = i16> + use<> {
        self.served..=self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_ordered_and_complete() {
        assert!(APIS.windows(2).all(|pair| (pair[0].key as i16) < pair[1].key as i16));
        for api in APIS {
            assert_eq!(Api::of(api.key), api);
            assert!(api.min <= api.served && api.served <= api.max, "{}", api.name);
            assert_eq!(format!("{:?}", api.key), api.name);
        }
        assert_eq!(APIS.len(), 30);
    }

    #[test]
    fn what_is_not_there_yet_is_not_advertised() {
        // SASL, transactions, ACLs, delegation tokens, quotas, KIP-848, telemetry, share groups.
        for key in [17, 24, 25, 26, 27, 28, 29, 30, 31, 36, 38, 48, 50, 65, 66, 68, 69, 71, 72, 76, 78, 79] {
            assert_eq!(Api::find(key), None, "{key}");
        }
    }
}
