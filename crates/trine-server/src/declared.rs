//! Declared topics and queues (decision Q22): created when absent, before the server is ready; one that exists and differs is a warning, never changed.

use std::time::Duration;

use trine_broker::{Broker, NewQueue, NewTopic, QueueError, QueueRef, Topic, TopicError};
use trine_core::{
    catalog::{SettingError, TOPIC_SETTINGS, check_setting},
    queues::TEXT_SETTINGS,
};
use trine_types::QueueName;

use crate::config::{Config, QueueDecl, TopicDecl};

/// Why a declared object cannot be.
#[derive(Debug, thiserror::Error)]
pub enum DeclaredError {
    /// A setting that does not exist or a value it does not take.
    #[error("topic {topic}: {source}")]
    Setting {
        /// The declared topic.
        topic: String,
        /// What is wrong.
        #[source]
        source: SettingError,
    },
    /// The broker refused.
    #[error("topic {topic}: {source}")]
    Topic {
        /// The declared topic.
        topic: String,
        /// Why.
        #[source]
        source: TopicError,
    },
    /// The broker refused.
    #[error("queue {queue}: {source}")]
    Queue {
        /// The declared queue.
        queue: QueueName,
        /// Why.
        #[source]
        source: QueueError,
    },
}

/// Checks the settings of declared topics without a server.
pub fn check_objects(config: &Config) -> Result<(), DeclaredError> {
    for topic in &config.topics {
        for (key, value) in &topic.config {
            check_setting(key, value)
                .map_err(|source| DeclaredError::Setting { topic: topic.name.to_string(), source })?;
        }
    }
    Ok(())
}

/// Creates what is absent and warns of what differs.
pub(crate) async fn create(broker: &Broker, config: &Config) -> Result<(), DeclaredError> {
    create_topics(broker, &config.topics).await?;
    create_queues(broker, &config.queues).await
}

async fn create_topics(broker: &Broker, topics: &[TopicDecl]) -> Result<(), DeclaredError> {
    let catalog = broker.catalog();
    let mut absent = Vec::new();
    for decl in topics {
        match catalog.topic(decl.name.as_str()) {
            Some(topic) => {
                for difference in differences(broker, topic, decl) {
                    tracing::warn!(topic = %decl.name, "the declared topic exists and differs: {difference}");
                }
            }
            None => absent.push(NewTopic {
                name: decl.name.clone(),
                partitions: decl.partitions,
                settings: decl.config.clone(),
            }),
        }
    }
    let names: Vec<_> = absent.iter().map(|t| t.name.to_string()).collect();
    if absent.is_empty() {
        return Ok(());
    }
    for (topic, result) in names.into_iter().zip(broker.topics().create(absent, false).await) {
        result.map_err(|source| DeclaredError::Topic { topic, source })?;
    }
    Ok(())
}

async fn create_queues(broker: &Broker, queues: &[QueueDecl]) -> Result<(), DeclaredError> {
    for decl in queues {
        if let Some(queue) = broker.queues().get(&decl.namespace, &decl.name) {
            for difference in queue_differences(&queue, decl) {
                tracing::warn!(queue = %decl.name, "the declared queue exists and differs: {difference}");
            }
            continue;
        }
        let new = NewQueue {
            namespace: decl.namespace.clone(),
            name: decl.name.clone(),
            settings: decl.settings.clone(),
            cooldown: Duration::ZERO,
        };
        let created = broker.queues().create(new).await;
        created.map_err(|source| DeclaredError::Queue { queue: decl.name.clone(), source })?;
    }
    Ok(())
}

/// One line per setting that is declared and has another value.
fn queue_differences(queue: &QueueRef, decl: &QueueDecl) -> Vec<String> {
    let settings = queue.settings();
    let mut found = Vec::new();
    for setting in TEXT_SETTINGS.iter().filter(|setting| decl.config.contains_key(setting.name)) {
        let (value, wanted) = (setting.show(&settings), setting.show(&decl.settings));
        if value != wanted {
            found.push(format!("{} is {value:?}, {wanted:?} is declared", setting.name));
        }
    }
    for (key, wanted) in &decl.settings.tags {
        match settings.tags.get(key) {
            Some(value) if value == wanted => {}
            Some(value) => found.push(format!("the tag {key} is {value:?}, {wanted:?} is declared")),
            None => found.push(format!("the tag {key} is absent, {wanted:?} is declared")),
        }
    }
    found
}

/// One line per setting whose value is not the declared one.
fn differences(broker: &Broker, topic: &Topic, decl: &TopicDecl) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(wanted) = decl.partitions
        && wanted != topic.partitions()
    {
        found.push(format!("it has {} partitions, {wanted} are declared", topic.partitions()));
    }
    for (key, wanted) in &decl.config {
        let Some(spec) = TOPIC_SETTINGS.iter().find(|s| s.name == key) else { continue };
        let own = topic.config.overrides.get(spec.name).map(String::as_str);
        let value = own.unwrap_or_else(|| broker.config().topic_defaults.get(spec).0);
        if value != wanted.trim() {
            found.push(format!("{key} is {value}, {wanted} is declared"));
        }
    }
    found
}
