//! Checks that need the whole configuration.

use trine_aws::Accounts;

use super::{Config, ListenerKind, load::Problem, near};

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
    if config.advertise_redis.is_some() {
        if config.listeners_of(ListenerKind::Redis).next().is_none() && config.redis_unix.is_empty() {
            problems.push(Problem::new("advertise.redis", "the redis listener is off".to_owned()));
        } else if !config.redis.cluster {
            let what = "only cluster clients are told an address: set redis.cluster = true as well";
            problems.push(Problem::new("advertise.redis", what.to_owned()));
        }
    }
    for (i, user) in config.users.iter().enumerate() {
        if config.users.iter().take(i).any(|u| u.name == user.name) {
            problems.push(Problem::new("user", format!("there are two users named {:?}", user.name)));
        }
    }
    for user in &config.users {
        let known = user.namespace.as_str() == "default" || config.namespaces.iter().any(|n| n.name == user.namespace);
        let account = config.namespaces.iter().any(|n| n.name == user.namespace && n.account.is_some());
        if !known {
            let what = format!("user {:?}: there is no [[namespace]] named {:?}", user.name, user.namespace.as_str());
            problems.push(Problem::new("user", what));
        } else if !user.aws.is_empty() && user.namespace.as_str() != "default" && !account {
            let what = format!(
                "user {:?} has aws keys, but the namespace {:?} has no account",
                user.name,
                user.namespace.as_str()
            );
            problems.push(Problem::new("user", what));
        }
    }
    let keys: Vec<&str> =
        config.users.iter().flat_map(|user| user.aws.iter().map(|key| key.access_key_id.as_str())).collect();
    for (i, key) in keys.iter().enumerate() {
        if keys.iter().take(i).any(|k| k == key) {
            problems.push(Problem::new("user", format!("the aws key {key:?} is there twice")));
        }
    }
    let accounts = config.namespaces.iter().filter_map(|n| Some((n.name.clone(), n.account.clone()?)));
    if let Err(error) = Accounts::new(config.aws_account.clone(), accounts) {
        problems.push(Problem::new("namespace", error.to_string()));
    }
    for (i, namespace) in config.namespaces.iter().enumerate() {
        if config.namespaces.iter().take(i).any(|n| n.name == namespace.name) {
            problems.push(Problem::new("namespace", format!("there are two namespaces named {}", namespace.name)));
        }
    }
    for (i, topic) in config.topics.iter().enumerate() {
        if config.topics.iter().take(i).any(|t| t.name == topic.name) {
            problems.push(Problem::new("topic", format!("there are two topics named {}", topic.name)));
        }
    }
    let namespaces = || config.namespaces.iter().map(|n| n.name.as_str()).chain(["default"]);
    for (i, queue) in config.queues.iter().enumerate() {
        let namespace = queue.namespace.as_str();
        if !namespaces().any(|known| known == namespace) {
            let hint = near::hint(namespace, namespaces());
            let what = format!("queue {}: there is no [[namespace]] named {namespace:?}{hint}", queue.name);
            problems.push(Problem::new("queue", what));
        }
        if config.queues.iter().take(i).any(|q| (&q.namespace, &q.name) == (&queue.namespace, &queue.name)) {
            let what = format!("there are two queues named {} in the namespace {}", queue.name, queue.namespace);
            problems.push(Problem::new("queue", what));
        }
    }
    problems
}
