//! `GET /v1/queues/{name}`.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Path, State},
};
use serde_json::{Value, json};
use trine_broker::{Action, Broker, Principal, QueueRef, QueueStats, Resource};
use trine_core::queues::{QueueSettings, TEXT_SETTINGS};
use trine_types::{Timestamp, units::show_duration};

use super::find;
use crate::{
    Admin,
    error::ApiError,
    router::{Answer, ok},
    time,
};

/// Settings and figures of a queue.
pub(crate) async fn show(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
) -> Answer {
    let broker = admin.allow(&who, Action::Read, Resource::queue(&name))?;
    let queue = find(broker, &name)?;
    ok(describe(broker, &queue).await?)
}

/// A queue as JSON.
pub(super) async fn describe(broker: &Broker, queue: &QueueRef) -> Result<Value, ApiError> {
    let settings = queue.settings();
    let default = QueueSettings { fifo: settings.fifo, ..QueueSettings::default() };
    let shown: Vec<_> = TEXT_SETTINGS
        .iter()
        .map(|setting| {
            let value = setting.show(&settings);
            json!({
                "name": setting.name,
                "default": setting.name != "fifo" && value == setting.show(&default)
                    || setting.name == "fifo" && !settings.fifo,
                "value": value,
                "about": setting.about,
            })
        })
        .collect();
    let stats = broker.queues().stats(queue).await?;
    let sources: Vec<_> =
        broker.queues().dead_letter_sources(queue).iter().map(|source| source.name().to_string()).collect();
    Ok(json!({
        "name": queue.name().as_str(),
        "ns": queue.namespace().as_str(),
        "id": queue.id().hyphenated(),
        "created": time::to_rfc3339(queue.created_at().0),
        "altered": time::to_rfc3339(queue.altered_at().0),
        "paused": settings.paused,
        "settings": shown,
        "attributes": settings.attributes,
        "tags": settings.tags,
        "dead_letter_sources": sources,
        "stats": figures(&stats, broker.clock().now()),
    }))
}

/// Figures of a queue as JSON.
pub(super) fn figures(stats: &QueueStats, now: Timestamp) -> Value {
    json!({
        "ready": stats.ready.to_string(),
        "in_flight": stats.in_flight.to_string(),
        "delayed": stats.delayed.to_string(),
        "moving": stats.moving.to_string(),
        "bytes": stats.bytes.to_string(),
        "oldest_sent_at": stats.oldest_sent_at.map(|at| time::to_rfc3339(at.0)),
        "oldest_age": stats.oldest_sent_at.map(|at| age(at, now)),
        "sent": stats.sent.to_string(),
        "received": stats.received.to_string(),
        "acked": stats.acked.to_string(),
        "expired": stats.expired.to_string(),
        "dead_lettered": stats.dead_lettered.to_string(),
        "waiters": stats.waiters.to_string(),
        "consumers": stats.consumers.to_string(),
    })
}

/// Time since then, in the largest unit that is not too coarse for a person.
pub(super) fn age(at: Timestamp, now: Timestamp) -> String {
    let ms = u64::try_from(now.ms_since(at)).unwrap_or(0);
    let unit = match ms {
        0..10_000 => 1,
        10_000..600_000 => 1000,
        600_000..36_000_000 => 60_000,
        _ => 3_600_000,
    };
    show_duration(Duration::from_millis(ms / unit * unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_as_exact_as_people_want_them() {
        let shown = |ms: i64| age(Timestamp(1_000), Timestamp(1_000 + ms));
        assert_eq!([-5, 0, 1_234, 61_234, 3_661_000, 90_000_000].map(shown), ["0", "0", "1234ms", "61s", "61m", "25h"]);
    }
}
