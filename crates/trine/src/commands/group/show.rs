//! `trine group show NAME`.

use clap::Args;
use serde_json::Value;

use super::lag::{COLUMNS, seconds};
use crate::{
    args::Global,
    client::{Client, segment},
    failure::Failure,
    output::{self, plain, text},
};

#[derive(Args)]
pub(crate) struct Show {
    /// Its name.
    name: String,
}

impl Show {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let group = Client::new(&global.server)?.get(&format!("/v1/groups/{}", segment(&self.name)))?;
        output::object(global.output, &group, || lines(&group))
    }
}

fn lines(group: &Value) -> String {
    let list = |key: &str| group[key].as_array().cloned().unwrap_or_default();
    let mut out = output::pairs(&[
        ("name", plain(&group["name"])),
        ("state", plain(&group["state"])),
        ("generation", plain(&group["generation"])),
        ("protocol", plain(&group["protocol"])),
        ("lag", format!("{} records, {}", plain(&group["lag"]), seconds(&group["lag_ms"]))),
    ]);
    let members = list("members");
    if !members.is_empty() {
        out.push('\n');
        out.push_str(&output::table(
            &members,
            &[
                text("MEMBER", |m| plain(&m["id"])),
                text("INSTANCE", |m| plain(&m["instance_id"])),
                text("CLIENT", |m| plain(&m["client_id"])),
                text("HOST", |m| plain(&m["host"])),
            ],
        ));
        out.push('\n');
    }
    let partitions = list("partitions");
    if !partitions.is_empty() {
        out.push('\n');
        out.push_str(&output::table(&partitions, &COLUMNS));
    }
    out
}
