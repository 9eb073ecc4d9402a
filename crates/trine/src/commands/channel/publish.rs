//! `trine channel pub NAME [BODY|-]`.

use std::io::{self, Read};

use clap::Args;
use serde_json::Value;

use super::path;
use crate::{
    args::Global,
    client::Client,
    commands::queue::body_json,
    failure::Failure,
    output::{self, plain},
};

/// Longest message that is read: what the admin API takes as base64.
const BODY_BYTES_MAX: u64 = 8 << 20;

#[derive(Args)]
pub(crate) struct Publish {
    /// The channel.
    name: String,
    /// The message; - or nothing reads it from standard input.
    body: Option<String>,
}

impl Publish {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let body = match self.body.as_deref() {
            None | Some("-") => {
                let mut bytes = Vec::new();
                io::stdin().lock().take(BODY_BYTES_MAX + 1).read_to_end(&mut bytes)?;
                if bytes.len() as u64 > BODY_BYTES_MAX {
                    return Err(Failure::failed(format!("the message is longer than {BODY_BYTES_MAX} bytes")));
                }
                bytes
            }
            Some(text) => text.as_bytes().to_vec(),
        };
        let mut client = Client::new(&global.server)?;
        let answer = client.send("POST", &path(&self.name, "publish"), &Value::Object(body_json(&body)))?;
        output::object(global.output, &answer, || format!("{} received it", plain(&answer["receivers"])))
    }
}
