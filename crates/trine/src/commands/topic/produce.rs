//! `trine topic produce NAME [FILE]`: lines become records.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal, Read},
    path::PathBuf,
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::{
    args::Global,
    client::{Client, segment},
    failure::Failure,
    output,
};

/// Records of one request.
const BATCH_RECORDS: usize = 5000;
/// Bytes of lines of one request.
const BATCH_BYTES: usize = 1 << 20;
/// Longest line: far above what a topic takes by default.
const LINE_BYTES_MAX: u64 = 12 << 20;
/// When no line comes for so long, what is there is sent: somebody may be typing.
const LINGER: Duration = Duration::from_millis(50);
/// Chunks of lines read ahead.
const CHUNKS_AHEAD: usize = 4;
/// Lines handed from the reader at once, when they come quickly.
const CHUNK_LINES: usize = 256;

#[derive(Args)]
pub(crate) struct Produce {
    /// The topic.
    name: String,
    /// File to read; - or nothing reads standard input.
    file: Option<PathBuf>,
    /// Everything before the first SEP of a line is the record's key. Lines without SEP have no key.
    #[arg(short, long, value_name = "SEP")]
    key_separator: Option<String>,
    /// All records go to this partition; else the key decides.
    #[arg(long, value_name = "N")]
    partition: Option<u32>,
    /// A header for every record; repeatable.
    #[arg(short = 'H', long, value_name = "NAME=VALUE")]
    header: Vec<String>,
}

impl Produce {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        if self.key_separator.as_deref() == Some("") {
            return Err(Failure::usage("-k needs a separator, for example -k :"));
        }
        let headers = self
            .header
            .iter()
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) => Ok(json!({ "name": name, "value": value })),
                None => Err(Failure::usage(format!("{pair:?}: write NAME=VALUE"))),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut client = Client::new(&global.server)?;
        let path = format!("/v1/topics/{}/produce", segment(&self.name));
        let (input, size): (Box<dyn Read + Send>, Option<u64>) = match &self.file {
            Some(file) if file.as_os_str() != "-" => {
                let opened = File::open(file).map_err(|e| Failure::failed(format!("{}: {e}", file.display())))?;
                let size = opened.metadata().ok().filter(std::fs::Metadata::is_file).map(|m| m.len());
                (Box::new(opened), size)
            }
            _ => (Box::new(io::stdin()), None),
        };
        let bar = progress(size);
        let lines = read_lines(input);
        let mut total = 0_u64;
        let mut batch = Batch::default();
        let mut ended = false;
        while !ended {
            match receive(&lines, batch.count == 0) {
                Next::Lines(chunk) => {
                    for line in chunk? {
                        bar.inc(line.len() as u64 + 1);
                        batch.push(&self.record(&line, &headers));
                    }
                }
                Next::Pause => batch.due = true,
                Next::End => {
                    batch.due = true;
                    ended = true;
                }
            }
            if batch.due || batch.count >= BATCH_RECORDS || batch.bytes.len() >= BATCH_BYTES {
                let sent = batch.count;
                batch
                    .send(&mut client, &path)
                    .map_err(|e| Failure::new(e.kind(), format!("{e}; {total} records were sent before")))?;
                total += sent as u64;
                bar.set_message(format!("{total} records"));
            }
        }
        bar.finish_and_clear();
        output::object(global.output, &json!({ "records": total }), || {
            format!("{total} record{} to {}", if total == 1 { "" } else { "s" }, self.name)
        })
    }

    fn record(&self, line: &[u8], headers: &[Value]) -> Value {
        let separator = self.key_separator.as_deref().map(str::as_bytes);
        let split = separator.and_then(|sep| Some((line.windows(sep.len()).position(|w| w == sep)?, sep.len())));
        let (key, body) = match split {
            Some((at, len)) => (Some(&line[..at]), &line[at + len..]),
            None => (None, line),
        };
        let mut record = serde_json::Map::new();
        put(&mut record, "body", "encoding", body);
        if let Some(key) = key {
            put(&mut record, "key", "key_encoding", key);
        }
        if let Some(partition) = self.partition {
            record.insert("partition".to_owned(), partition.into());
        }
        if !headers.is_empty() {
            record.insert("headers".to_owned(), headers.to_vec().into());
        }
        record.into()
    }
}

fn put(record: &mut serde_json::Map<String, Value>, field: &str, encoding: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => record.insert(field.to_owned(), text.into()),
        Err(_) => {
            record.insert(encoding.to_owned(), "base64".into());
            record.insert(field.to_owned(), STANDARD.encode(bytes).into())
        }
    };
}

#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    count: usize,
    due: bool,
}

impl Batch {
    fn push(&mut self, record: &Value) {
        self.bytes.extend(record.to_string().as_bytes());
        self.bytes.push(b'\n');
        self.count += 1;
    }

    fn send(&mut self, client: &mut Client, path: &str) -> Result<(), Failure> {
        self.due = false;
        if self.count > 0 {
            client.request("POST", path, Some(("application/x-ndjson", &self.bytes)))?;
            self.bytes.clear();
            self.count = 0;
        }
        Ok(())
    }
}

type Chunk = Result<Vec<Vec<u8>>, Failure>;

enum Next {
    Lines(Chunk),
    Pause,
    End,
}

fn receive(lines: &Receiver<Chunk>, idle: bool) -> Next {
    if idle {
        return lines.recv().map_or(Next::End, Next::Lines);
    }
    match lines.recv_timeout(LINGER) {
        Ok(chunk) => Next::Lines(chunk),
        Err(RecvTimeoutError::Timeout) => Next::Pause,
        Err(RecvTimeoutError::Disconnected) => Next::End,
    }
}

/// Reads on a thread of its own, so that a pause in the input can be noticed. Lines that are there already come together.
fn read_lines(input: Box<dyn Read + Send>) -> Receiver<Chunk> {
    let (sender, receiver) = sync_channel(CHUNKS_AHEAD);
    thread::spawn(move || {
        let mut input = BufReader::with_capacity(256 << 10, input);
        let mut chunk = Vec::new();
        loop {
            let line = match read_line(&mut input) {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(failure) => {
                    let _ = sender.send(Ok(std::mem::take(&mut chunk)));
                    let _ = sender.send(Err(failure));
                    return;
                }
            };
            chunk.push(line);
            // Without a whole line in the buffer the next read may wait: hand over what there is.
            let due = chunk.len() >= CHUNK_LINES || !input.buffer().contains(&b'\n');
            if due && sender.send(Ok(std::mem::take(&mut chunk))).is_err() {
                return;
            }
        }
        let _ = sender.send(Ok(chunk));
    });
    receiver
}

fn read_line(input: &mut impl BufRead) -> Result<Option<Vec<u8>>, Failure> {
    let mut line = Vec::new();
    input.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut line)?;
    if line.len() as u64 > LINE_BYTES_MAX {
        return Err(Failure::failed(format!("a line is longer than {LINE_BYTES_MAX} bytes")));
    }
    if line.is_empty() {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(Some(line))
}

/// A bar on a terminal, nothing elsewhere.
fn progress(size: Option<u64>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match size {
        Some(size) => (ProgressBar::new(size), "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} {msg}"),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes} {bytes_per_sec} {msg}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn produce(separator: Option<&str>) -> Produce {
        Produce {
            name: "t".into(),
            file: None,
            key_separator: separator.map(str::to_owned),
            partition: None,
            header: Vec::new(),
        }
    }

    #[test]
    fn the_first_separator_ends_the_key() {
        assert_eq!(produce(None).record(b"a:b", &[]), json!({ "body": "a:b" }));
        assert_eq!(produce(Some(":")).record(b"a:b:c", &[]), json!({ "key": "a", "body": "b:c" }));
        assert_eq!(produce(Some("::")).record(b"a:b", &[]), json!({ "body": "a:b" }));
        assert_eq!(produce(Some(":")).record(b":b", &[]), json!({ "key": "", "body": "b" }));
        let binary = produce(Some(":")).record(&[0xff, b':', 0xfe], &[]);
        assert_eq!(binary, json!({ "key": "/w==", "key_encoding": "base64", "body": "/g==", "encoding": "base64" }));
    }

    #[test]
    fn every_line_arrives_in_order_and_whole() {
        let text: String = (0..10_000).map(|i| format!("line {i}\n")).collect::<String>() + "\nlast";
        let mut got = Vec::new();
        for chunk in read_lines(Box::new(io::Cursor::new(text.clone()))) {
            got.extend(chunk.unwrap());
        }
        let want: Vec<Vec<u8>> = text.split('\n').map(|line| line.as_bytes().to_vec()).collect();
        assert_eq!(got, want);
        assert_eq!(read_lines(Box::new(io::empty())).iter().map(|c| c.unwrap().len()).sum::<usize>(), 0);
    }
}
