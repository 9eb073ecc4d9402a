//! `/v1/channels`.

mod events;
mod list;
mod publish;
mod show;

use std::time::Duration;

use serde_json::{Value, json};
use trine_broker::pubsub::Message;
use trine_core::pubsub::Name;
use trine_types::Timestamp;

use crate::{payload, time};

pub(crate) use events::events;
pub(crate) use list::list;
pub(crate) use publish::publish;
pub(crate) use show::show;

/// Something is written at least so often, so that both sides notice when the other is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A channel's name as text; names that are not UTF-8 are shown with replacement characters.
fn text(name: &Name) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// A message as JSON.
fn encode(message: &Message, now: Timestamp) -> Value {
    let (body, encoding) = payload::encode(&message.payload);
    json!({
        "channel": text(&message.channel),
        "pattern": message.pattern.as_ref().map(text),
        "body": body,
        "encoding": encoding,
        "at": time::to_rfc3339(now.0),
    })
}
