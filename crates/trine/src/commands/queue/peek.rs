//! `trine queue peek NAME`.

use clap::Args;
use serde_json::{Value, json};

use super::{message, post};
use crate::{
    args::Global,
    client::Client,
    failure::Failure,
    output::{number, plain, text},
};

/// Messages of one request.
const PAGE: u64 = 1000;

#[derive(Args)]
pub(crate) struct Peek {
    /// The queue.
    name: String,
    /// Only messages in this state: ready, inflight, delayed or moving.
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only messages for which this is true, for example 'count > 3 and body ~ "order"'. Fields: body, header.NAME, group, count, age, reason.
    #[arg(long, value_name = "EXPR")]
    grep: Option<String>,
    /// At most so many.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    count: u64,
}

impl Peek {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let mut client = Client::new(&global.server)?;
        let found = matching(&mut client, &self.name, self.state.as_deref(), self.grep.as_deref(), self.count)?;
        message::print(
            global.output,
            &found,
            vec![
                text("STATE", |m| plain(&m["state"])),
                number("COUNT", |m| plain(&m["receive_count"])),
                number("AGE", |m| plain(&m["age"])),
                text("GROUP", |m| plain(&m["group"])),
                text("HOLDER", |m| plain(&m["holder"])),
                number("LEFT", |m| plain(&m["left"])),
                text("REASON", |m| plain(&m["reason"])),
            ],
        )
    }
}

/// Messages that match, at most `max`.
pub(super) fn matching(
    client: &mut Client,
    name: &str,
    state: Option<&str>,
    expression: Option<&str>,
    max: u64,
) -> Result<Vec<Value>, Failure> {
    let mut found = Vec::new();
    let mut from = Value::Null;
    while (found.len() as u64) < max {
        let limit = PAGE.min(max - found.len() as u64);
        let body = json!({ "state": state, "match": expression, "from": from, "limit": limit });
        let mut answer = post(client, name, "peek", &body)?;
        if let Value::Array(messages) = answer["messages"].take() {
            found.extend(messages);
        }
        from = answer["next"].take();
        if from.is_null() {
            break;
        }
    }
    Ok(found)
}
