//! `trine queue redrive DLQ`.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    process::Command,
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{message, path, peek::matching};
use crate::{
    args::Global,
    client::Client,
    failure::Failure,
    output::{self, number, plain},
};

/// Most messages that are opened in an editor.
const EDIT_MAX: u64 = 1000;

#[derive(Args)]
pub(crate) struct Redrive {
    /// The queue to move messages out of.
    name: String,
    /// Where they go; nothing said, each goes back to the queue it came from.
    #[arg(long, value_name = "NAME")]
    to: Option<String>,
    /// Only messages for which this is true; see `peek --grep`.
    #[arg(long = "match", value_name = "EXPR")]
    expression: Option<String>,
    /// Change bodies in $EDITOR first: a JSON object a line; a line that is taken out stays in the queue.
    #[arg(long)]
    edit: bool,
    /// At most so many a second, for example 100/s.
    #[arg(long, value_name = "N/s")]
    rate: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N")]
    max: Option<u64>,
    /// Only say what would be moved.
    #[arg(long)]
    dry_run: bool,
}

impl Redrive {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let mut client = Client::new(&global.server)?;
        let rate = self.rate.as_deref().map(parse_rate).transpose()?;
        if self.dry_run {
            let max = self.max.unwrap_or(u64::MAX);
            let found = matching(&mut client, &self.name, Some("ready"), self.expression.as_deref(), max)?;
            message::print(
                global.output,
                &found,
                vec![number("COUNT", |m| plain(&m["receive_count"])), output::text("TO", |m| plain(&m["origin"]))],
            )?;
            eprintln!("{} would be moved", found.len());
            return Ok(());
        }
        let mut body = json!({ "to": self.to, "match": self.expression, "rate": rate, "max": self.max });
        if self.edit {
            let max = self.max.unwrap_or(EDIT_MAX).min(EDIT_MAX);
            let found = matching(&mut client, &self.name, Some("ready"), self.expression.as_deref(), max)?;
            let (only, edits) = edit(&found)?;
            if only.is_empty() {
                eprintln!("nothing to move");
                return Ok(());
            }
            body = json!({ "to": self.to, "rate": rate, "only": only, "edits": edits });
        }
        let bar = progress();
        let mut last = Value::Null;
        client.lines(&path(&self.name, "redrive"), &body, |line| {
            let Some(line) = line else { return Ok(()) };
            last = serde_json::from_str(line)
                .map_err(|e| Failure::failed(format!("the server sent a line that is not JSON: {e}")))?;
            if let Some(message) = last["error"]["message"].as_str() {
                return Err(Failure::failed(message));
            }
            let figure = |name: &str| last[name].as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
            bar.set_length(figure("to_move"));
            bar.set_position(figure("moved"));
            Ok(())
        })?;
        bar.finish_and_clear();
        if last["status"] != "completed" {
            let why = last["failure"].as_str().unwrap_or("it was stopped");
            return Err(Failure::failed(format!("{} moved, then: {why}", plain(&last["moved"]))));
        }
        output::object(global.output, &last, || format!("{} moved", plain(&last["moved"])))
    }
}

/// `100/s` or `100`.
fn parse_rate(text: &str) -> Result<u64, Failure> {
    let number = text.strip_suffix("/s").unwrap_or(text).parse().ok().filter(|rate| *rate > 0);
    number.ok_or_else(|| Failure::usage(format!("{text:?} is no rate; write for example 100/s")))
}

type Edits = Vec<Value>;

/// Opens messages in the user's editor: the numbers that are left, and new bodies of those that were changed.
fn edit(messages: &[Value]) -> Result<(Vec<Value>, Edits), Failure> {
    let file = std::env::temp_dir().join(format!("trine-redrive-{}.ndjson", std::process::id()));
    let mut text = Vec::new();
    for message in messages {
        writeln!(
            text,
            "{}",
            json!({ "number": message["number"], "body": message["body"], "encoding": message["encoding"] })
        )?;
    }
    fs::write(&file, &text)?;
    // A variable that is empty says nothing.
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    let status = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(&file).status();
    let edited = fs::read_to_string(&file);
    let _ = fs::remove_file(&file);
    match status {
        Ok(status) if status.success() => changes(messages, &edited?),
        Ok(status) => Err(Failure::failed(format!("{editor} ended with {status}; nothing was moved"))),
        Err(error) => Err(Failure::failed(format!("cannot run {editor}: {error}"))),
    }
}

fn changes(before: &[Value], edited: &str) -> Result<(Vec<Value>, Edits), Failure> {
    let (mut only, mut edits) = (Vec::new(), Vec::new());
    for line in edited.lines().filter(|line| !line.trim().is_empty()) {
        let now: Value =
            serde_json::from_str(line).map_err(|e| Failure::failed(format!("a line is not JSON any more: {e}")))?;
        let known = before.iter().find(|message| message["number"] == now["number"]);
        let known = known.ok_or_else(|| Failure::failed(format!("there was no message {}", now["number"])))?;
        if !now["body"].is_string() {
            return Err(Failure::failed(format!("message {} has no body any more", now["number"])));
        }
        only.push(now["number"].clone());
        if now["body"] != known["body"] {
            edits.push(json!({ "number": now["number"], "body": now["body"], "encoding": now["encoding"] }));
        }
    }
    Ok((only, edits))
}

/// A bar on a terminal, nothing elsewhere.
fn progress() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    match ProgressStyle::with_template("{bar:30} {pos}/{len} {per_sec} {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_edited_is_found() {
        let before = [
            json!({ "number": "1", "body": "a", "encoding": "utf8" }),
            json!({ "number": "2", "body": "b", "encoding": "utf8" }),
            json!({ "number": "3", "body": "c", "encoding": "utf8" }),
        ];
        let edited = "{\"number\":\"1\",\"body\":\"a\",\"encoding\":\"utf8\"}\n\n{\"number\":\"3\",\"body\":\"C\",\"encoding\":\"utf8\"}\n";
        let (only, edits) = changes(&before, edited).unwrap();
        assert_eq!(only, ["1", "3"]);
        assert_eq!(edits, [json!({ "number": "3", "body": "C", "encoding": "utf8" })]);
        for bad in ["{", "{\"number\":\"9\",\"body\":\"x\"}", "{\"number\":\"1\"}"] {
            assert!(changes(&before, bad).is_err(), "{bad}");
        }
        assert_eq!(parse_rate("100/s").unwrap(), 100);
        assert!(parse_rate("0").is_err() && parse_rate("fast").is_err());
    }
}
