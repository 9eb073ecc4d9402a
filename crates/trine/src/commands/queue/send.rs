//! `trine queue send NAME [BODY|-]`.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::PathBuf,
};

use clap::Args;
use serde_json::{Value, json};

use super::{message, path, post};
use crate::{
    args::Global,
    client::Client,
    failure::Failure,
    output::{self, plain},
};

/// Messages of one request.
const BATCH_MESSAGES: usize = 1000;
/// Bytes of messages in one request.
const BATCH_BYTES: usize = 4 << 20;
/// Longest body or line that is read: far above what a queue takes.
const BODY_BYTES_MAX: u64 = 12 << 20;

#[derive(Args)]
pub(crate) struct Send {
    /// The queue.
    name: String,
    /// The body; - or nothing reads it from standard input.
    body: Option<String>,
    /// A header, which SQS clients see as a message attribute; repeatable.
    #[arg(short = 'H', long, value_name = "NAME=VALUE")]
    header: Vec<String>,
    /// The message's group: order in a FIFO queue, fair shares in others.
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// FIFO: messages with the same id within the window are one message.
    #[arg(long, value_name = "ID")]
    dedup_id: Option<String>,
    /// How long it waits before it can be received.
    #[arg(long, value_name = "DURATION")]
    delay: Option<String>,
    /// How long it may wait before it is dropped.
    #[arg(long, value_name = "DURATION")]
    ttl: Option<String>,
    /// Higher goes first, in queues with priorities.
    #[arg(long, value_name = "N")]
    priority: Option<u8>,
    /// Send it so many times.
    #[arg(long, value_name = "N", default_value_t = 1)]
    count: u64,
    /// Messages of a file, a JSON object a line: {"body", "encoding"?, "headers"?, "group"?, "dedup_id"?, "delay"?, "ttl"?, "priority"?}.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["body", "header", "group", "dedup_id", "delay", "ttl", "priority", "count"])]
    file: Option<PathBuf>,
}

impl Send {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let mut client = Client::new(&global.server)?;
        let sent = match &self.file {
            Some(file) => self.send_file(&mut client, file)?,
            None => self.send_one(&mut client)?,
        };
        output::object(global.output, &sent, || match sent["id"].as_str() {
            Some(id) => id.to_owned(),
            None => format!("{} sent", plain(&sent["sent"])),
        })
    }

    fn send_one(&self, client: &mut Client) -> Result<Value, Failure> {
        let body = match self.body.as_deref() {
            None | Some("-") => {
                let mut bytes = Vec::new();
                io::stdin().lock().take(BODY_BYTES_MAX + 1).read_to_end(&mut bytes)?;
                if bytes.len() as u64 > BODY_BYTES_MAX {
                    return Err(Failure::failed(format!("the body is longer than {BODY_BYTES_MAX} bytes")));
                }
                bytes
            }
            Some(text) => text.as_bytes().to_vec(),
        };
        let mut one = message::body(&body);
        let texts = [("group", &self.group), ("dedup_id", &self.dedup_id), ("delay", &self.delay), ("ttl", &self.ttl)];
        for (key, value) in texts {
            if let Some(value) = value {
                one.insert(key.to_owned(), value.as_str().into());
            }
        }
        if let Some(priority) = self.priority {
            one.insert("priority".to_owned(), priority.into());
        }
        let headers = message::headers(&self.header)?;
        if !headers.is_empty() {
            one.insert("headers".to_owned(), headers.into());
        }
        let one = Value::Object(one);
        let mut left = self.count;
        let mut last = Value::Null;
        while left > 0 {
            let possible = (BATCH_BYTES / (body.len() + 1)).clamp(1, BATCH_MESSAGES) as u64;
            let messages = vec![one.clone(); left.min(possible) as usize];
            left -= messages.len() as u64;
            last = post(client, &self.name, "send", &json!({ "messages": messages }))?;
        }
        match self.count {
            1 => Ok(last["messages"][0].take()),
            count => Ok(json!({ "sent": count.to_string() })),
        }
    }

    fn send_file(&self, client: &mut Client, file: &PathBuf) -> Result<Value, Failure> {
        let input: Box<dyn Read> = if file.as_os_str() == "-" {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(file).map_err(|e| Failure::failed(format!("{}: {e}", file.display())))?)
        };
        let mut input = BufReader::new(input);
        let (mut sent, mut batch, mut count) = (0_u64, Vec::new(), 0_usize);
        loop {
            let mut line = Vec::new();
            input.by_ref().take(BODY_BYTES_MAX + 1).read_until(b'\n', &mut line)?;
            if line.len() as u64 > BODY_BYTES_MAX {
                return Err(Failure::failed(format!("a line is longer than {BODY_BYTES_MAX} bytes")));
            }
            let end = line.is_empty();
            if !line.trim_ascii().is_empty() {
                batch.extend_from_slice(line.trim_ascii());
                batch.push(b'\n');
                count += 1;
            }
            if count > 0 && (end || count == BATCH_MESSAGES || batch.len() >= BATCH_BYTES) {
                let body = Some(("application/x-ndjson", &*batch));
                client
                    .request("POST", &path(&self.name, "send"), body)
                    .map_err(|e| Failure::new(e.kind(), format!("{e}; {sent} messages were sent before")))?;
                sent += count as u64;
                batch.clear();
                count = 0;
            }
            if end {
                return Ok(json!({ "sent": sent.to_string() }));
            }
        }
    }
}
