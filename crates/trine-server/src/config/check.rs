//! Checks that need the whole configuration.

use super::{Config, ListenerKind, load::Problem};

/// Everything that is wrong with a configuration whose single values are right.
pub(super) fn check(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    let has_users = !config.users.is_empty();
    for listener in &config.listeners {
        let (kind, addr) = (listener.kind.as_str(), &listener.addr);
        let key = format!("listen.{kind}");
        // With users every listener asks who is there; one that cannot must be off, or say that it serves everybody.
        if has_users && !listener.kind.authenticates() && !listener.anonymous {
            problems.push(Problem::new(
                &key,
                format!(
                    "users are configured but the {kind} listener cannot authenticate yet; turn it off (--listen {kind}=off) or let everybody in \
                     (--listen {kind}={addr},anonymous)"
                ),
            ));
        }
        let open = !has_users || listener.anonymous;
        if open && !addr.is_loopback() && !config.insecure {
            problems.push(Problem::new(
                &key,
                format!(
                    "{addr} can be reached from other machines and nobody has to authenticate; listen on 127.0.0.1, configure users, or say \
                     --insecure"
                ),
            ));
        }
    }
    for (i, listener) in config.listeners.iter().enumerate() {
        let mut before = config.listeners.iter().take(i);
        if let Some(other) = before.find(|o| o.addr == listener.addr && o.addr.port != 0) {
            let (a, b) = (other.kind.as_str(), listener.kind.as_str());
            problems.push(Problem::new(&format!("listen.{b}"), format!("{} is taken by {a} already", listener.addr)));
        }
    }
    if config.advertise_kafka.is_some() && config.listeners_of(ListenerKind::Kafka).next().is_none() {
        problems.push(Problem::new("advertise.kafka", "the kafka listener is off".to_owned()));
    }
    for (i, user) in config.users.iter().enumerate() {
        if config.users.iter().take(i).any(|u| u.name == user.name) {
            problems.push(Problem::new("user", format!("there are two users named {:?}", user.name)));
        }
    }
    for (i, topic) in config.topics.iter().enumerate() {
        if config.topics.iter().take(i).any(|t| t.name == topic.name) {
            problems.push(Problem::new("topic", format!("there are two topics named {}", topic.name)));
        }
    }
    for (i, queue) in config.queues.iter().enumerate() {
        if config.queues.iter().take(i).any(|q| (&q.namespace, &q.name) == (&queue.namespace, &queue.name)) {
            let what = format!("there are two queues named {} in the namespace {}", queue.name, queue.namespace);
            problems.push(Problem::new("queue", what));
        }
    }
    problems
}
