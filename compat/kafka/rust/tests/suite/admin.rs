use rdkafka::Offset;
use rdkafka::admin::{
    AdminClient, AlterConfig, ConfigResource, ConfigSource, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use trine_compat_rdkafka::{PATIENCE, admin, eventually, fill, options, partitions_of, read_all, topic, unique};

use crate::consume::trim;

type Admin = AdminClient<DefaultClientContext>;

async fn create(admin: &Admin, name: &str, partitions: i32, configs: &[(&str, &str)]) -> Result<String, RDKafkaErrorCode> {
    let mut new = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    for (key, value) in configs {
        new = new.set(key, value);
    }
    let mut answers = admin.create_topics([&new], &options()).await.expect("create topics");
    answers.remove(0).map_err(|(_, code)| code)
}

async fn delete(admin: &Admin, name: &str) -> Result<String, RDKafkaErrorCode> {
    let mut answers = admin.delete_topics(&[name], &options()).await.expect("delete topics");
    answers.remove(0).map_err(|(_, code)| code)
}

async fn grow(admin: &Admin, name: &str, to: usize) -> Result<String, RDKafkaErrorCode> {
    let mut answers = admin
        .create_partitions([&NewPartitions::new(name, to)], &options())
        .await
        .expect("create partitions");
    answers.remove(0).map_err(|(_, code)| code)
}

async fn describe(admin: &Admin, resource: ResourceSpecifier<'_>) -> ConfigResource {
    let mut answers = admin
        .describe_configs([&resource], &options())
        .await
        .expect("describe configs");
    answers.remove(0).expect("its configs")
}

fn listed(admin: &Admin, name: &str) -> bool {
    let metadata = admin.inner().fetch_metadata(None, PATIENCE).expect("metadata");
    metadata.topics().iter().any(|t| t.name() == name)
}

#[tokio::test]
async fn the_cluster_is_one_reachable_node() {
    let admin = admin();
    let metadata = admin.inner().fetch_metadata(None, PATIENCE).expect("metadata");
    assert_eq!(metadata.brokers().len(), 1);
    assert!(metadata.brokers()[0].port() > 0);
    assert!(admin.inner().fetch_cluster_id(PATIENCE).is_some_and(|id| !id.is_empty()));
}

#[tokio::test]
async fn topics_are_created_listed_described_and_deleted() {
    let admin = admin();
    let name = topic("life", 3, &[("retention.ms", "123456789")]).await;
    assert!(listed(&admin, &name));
    let metadata = admin.inner().fetch_metadata(Some(&name), PATIENCE).expect("metadata");
    for partition in metadata.topics()[0].partitions() {
        assert_eq!(partition.replicas(), [partition.leader()]);
        assert_eq!(partition.isr(), partition.replicas());
    }
    assert_eq!(create(&admin, &name, 3, &[]).await, Err(RDKafkaErrorCode::TopicAlreadyExists));
    assert_eq!(delete(&admin, &name).await, Ok(name.clone()));
    eventually("it is gone", || !listed(&admin, &name));
    assert_eq!(delete(&admin, &name).await, Err(RDKafkaErrorCode::UnknownTopicOrPartition));
}

#[tokio::test]
async fn invalid_topics_are_refused() {
    let admin = admin();
    for bad in ["sp ace", "sla/sh", ".", "..", &"n".repeat(250)] {
        assert_eq!(
            create(&admin, bad, 1, &[]).await,
            Err(RDKafkaErrorCode::InvalidTopic),
            "{bad}"
        );
    }
    let name = unique("bad");
    assert_eq!(
        create(&admin, &name, 1, &[("retention.ms", "soon")]).await,
        Err(RDKafkaErrorCode::InvalidConfig)
    );
    assert_eq!(
        create(&admin, &name, 1, &[("no.such.config", "1")]).await,
        Err(RDKafkaErrorCode::InvalidConfig)
    );
    let new = NewTopic::new(&name, 1, TopicReplication::Fixed(1));
    let validated = admin
        .create_topics([&new], &options().validate_only(true))
        .await
        .expect("create topics");
    assert_eq!(validated, [Ok(name.clone())]);
    assert!(!listed(&admin, &name));
}

#[tokio::test]
async fn partitions_are_added() {
    let admin = admin();
    let name = topic("grow", 1, &[]).await;
    assert_eq!(grow(&admin, &name, 4).await, Ok(name.clone()));
    eventually("four partitions", || partitions_of(&admin, &name) == 4);
    fill(&name, 3, 1).await;
    assert_eq!(grow(&admin, &name, 2).await, Err(RDKafkaErrorCode::InvalidPartitions));
    assert_eq!(
        grow(&admin, &unique("none"), 2).await,
        Err(RDKafkaErrorCode::UnknownTopicOrPartition)
    );
}

#[tokio::test]
async fn configs_are_described_and_altered() {
    let admin = admin();
    let name = topic("configs", 1, &[("retention.ms", "1000000")]).await;
    let resource = ResourceSpecifier::Topic(&name);
    let before = describe(&admin, resource).await;
    let retention = before.get("retention.ms").expect("retention.ms");
    assert_eq!(retention.value.as_deref(), Some("1000000"));
    assert_eq!(retention.source, ConfigSource::DynamicTopic);
    let limit = before.get("max.message.bytes").expect("max.message.bytes");
    assert_eq!((limit.value.as_deref(), limit.is_default), (Some("1048588"), true));

    // The older AlterConfigs replaces everything.
    let change = AlterConfig::new(resource).set("max.message.bytes", "50000");
    let changed = admin.alter_configs([&change], &options()).await.expect("alter configs");
    assert!(changed[0].is_ok(), "{changed:?}");
    let mut after = describe(&admin, resource).await;
    for _ in 0..100 {
        if after
            .get("max.message.bytes")
            .is_some_and(|e| e.value.as_deref() == Some("50000"))
        {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        after = describe(&admin, resource).await;
    }
    assert_eq!(after.get("max.message.bytes").and_then(|e| e.value.as_deref()), Some("50000"));
    assert_ne!(after.get("retention.ms").and_then(|e| e.value.as_deref()), Some("1000000"));

    let bad = AlterConfig::new(resource).set("cleanup.policy", "shred");
    // The crate reports no error of a single resource, so look at what became of it.
    admin.alter_configs([&bad], &options()).await.expect("alter configs");
    let policy = describe(&admin, resource).await;
    assert_eq!(policy.get("cleanup.policy").and_then(|e| e.value.as_deref()), Some("delete"));

    let node = admin.inner().fetch_metadata(None, PATIENCE).expect("metadata").brokers()[0].id();
    assert!(!describe(&admin, ResourceSpecifier::Broker(node)).await.entries.is_empty());
}

#[tokio::test]
async fn records_are_deleted_up_to_an_offset() {
    let admin = admin();
    let name = topic("trim", 1, &[]).await;
    fill(&name, 0, 50).await;
    assert_eq!(trim(&admin, &name, Offset::Offset(20)).await, Ok(Offset::Offset(20)));
    assert_eq!(rdkafka::Message::offset(&read_all(&name, 1, 30)[0]), 20);
    let beyond = trim(&admin, &name, Offset::Offset(51)).await;
    assert_eq!(beyond, Err(KafkaError::OffsetFetch(RDKafkaErrorCode::OffsetOutOfRange)));
    assert_eq!(trim(&admin, &name, Offset::End).await, Ok(Offset::Offset(50)));
}
