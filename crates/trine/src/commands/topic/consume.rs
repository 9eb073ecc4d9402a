//! `trine topic consume NAME`: records to standard output.

use std::{
    collections::BTreeMap,
    io::{self, BufWriter, Write},
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::{Value, json};

use super::format::Format;
use crate::{
    args::{self, Global},
    client::{Client, segment},
    failure::Failure,
};

/// With a group, commits are at most so far apart.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

#[derive(Args)]
pub(crate) struct Consume {
    /// The topic.
    name: String,
    /// Go on where this group stopped, and commit what was printed. The group must have no other members.
    #[arg(short, long, value_name = "NAME")]
    group: Option<String>,
    /// Where to begin: start, end, -N (N before the end of each partition), +N (offset N) or @TIME (@2026-01-31T12:00:00Z, @-5m). With a group: where it has
    /// no commit.
    #[arg(long, value_name = "POSITION", allow_hyphen_values = true)]
    from: Option<String>,
    /// What to print of a record: %s body, %k key, %t topic, %p partition, %o offset, %T time, %h headers, %S and %K lengths.
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
    /// Stop after so many records.
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<u64>,
    /// Wait for more instead of stopping at the end.
    #[arg(short = 'F', long)]
    follow: bool,
    /// Only this partition; repeatable.
    #[arg(long, value_name = "N")]
    partition: Vec<u32>,
}

impl Consume {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let format = match &self.format {
            Some(text) => Format::parse(text)?,
            None => Format::body_lines(),
        };
        let as_json = matches!(global.output, Some(args::Format::Json | args::Format::Ndjson));
        if as_json && self.format.is_some() {
            return Err(Failure::usage("-f and -o json contradict each other"));
        }
        let client = Client::new(&global.server)?;
        let mut commits = match &self.group {
            Some(group) => Some(Commits::new(Client::new(&global.server)?, group, &self.name)?),
            None => None,
        };
        let path = format!("/v1/topics/{}/consume", segment(&self.name));
        let body = json!({
            "from": self.from,
            "group": self.group,
            "partitions": (!self.partition.is_empty()).then_some(&self.partition),
            "limit": self.limit,
            "follow": self.follow,
        });
        let mut out = BufWriter::new(io::stdout().lock());
        client.lines(&path, &body, |line| {
            let Some(line) = line else {
                out.flush()?;
                return commits.as_mut().map_or(Ok(()), |c| c.commit(false));
            };
            let record: Value = serde_json::from_str(line)
                .map_err(|e| Failure::failed(format!("the server sent a line that is not JSON: {e}")))?;
            if let Some(message) = record["error"]["message"].as_str() {
                out.flush()?;
                return Err(Failure::failed(message));
            }
            if as_json {
                writeln!(out, "{line}")?;
            } else {
                format.write(&mut out, &self.name, &record)?;
            }
            if let Some(commits) = &mut commits {
                commits.printed(&record);
            }
            Ok(())
        })?;
        out.flush()?;
        commits.map_or(Ok(()), |mut c| c.commit(true))
    }
}

/// Positions of a group that still have to be committed: only what was printed and flushed is.
struct Commits {
    client: Client,
    path: String,
    topic: String,
    next: BTreeMap<u64, u64>,
    last: Instant,
}

impl Commits {
    fn new(mut client: Client, group: &str, topic: &str) -> Result<Self, Failure> {
        let path = format!("/v1/groups/{}", segment(group));
        // Two readers that do not know of each other would each read everything: better to say so before the first record.
        if let Ok(found) = client.get(&path)
            && found["members"].as_array().is_some_and(|m| !m.is_empty())
        {
            return Err(Failure::failed(format!(
                "the group {group} has members; stop them first, or use another group"
            )));
        }
        Ok(Self { client, path: path + "/seek", topic: topic.to_owned(), next: BTreeMap::new(), last: Instant::now() })
    }

    fn printed(&mut self, record: &Value) {
        let offset = record["offset"].as_str().and_then(|text| text.parse::<u64>().ok());
        if let (Some(partition), Some(offset)) = (record["partition"].as_u64(), offset) {
            self.next.insert(partition, offset + 1);
        }
    }

    fn commit(&mut self, now: bool) -> Result<(), Failure> {
        if self.next.is_empty() || (!now && self.last.elapsed() < COMMIT_EVERY) {
            return Ok(());
        }
        let offsets: BTreeMap<String, String> =
            std::mem::take(&mut self.next).into_iter().map(|(p, o)| (p.to_string(), o.to_string())).collect();
        self.client.send("POST", &self.path, &json!({ "topic": self.topic, "offsets": offsets }))?;
        self.last = Instant::now();
        Ok(())
    }
}
