//! `trine verify --data DIR`: every checksum of a data directory, offline.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use trine_env::StdFs;
use trine_server::{config::show_size, verify};

use crate::{args::Global, failure::Failure, output};

/// Flags of `verify`.
#[derive(Args)]
pub(crate) struct Verify {
    /// The data directory. No server may be using it.
    #[arg(long, value_name = "DIR", default_value = "./trine-data")]
    data: PathBuf,
}

impl Verify {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let bar = if io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}") {
            bar.set_style(style);
        }
        let report = verify(&StdFs::new(), &self.data, &mut |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        });
        bar.finish_and_clear();
        let report = report.map_err(|e| Failure::failed(e.to_string()))?;
        let damage: Vec<_> = report
            .damage
            .iter()
            .map(|d| json!({ "file": d.file, "position": d.pos.to_string(), "what": d.what }))
            .collect();
        let value = json!({
            "clean": report.clean,
            "frames": report.frames,
            "batches": report.batches,
            "segments": report.segments,
            "blocks": report.blocks,
            "checkpoints": report.checkpoints,
            "bytes": report.bytes.to_string(),
            "damage": damage,
        });
        output::object(global.output, &value, || {
            let mut text = output::pairs(&[
                ("directory", self.data.display().to_string()),
                ("closed", if report.clean { "cleanly" } else { "not cleanly; the next start recovers" }.to_owned()),
                ("log", format!("{} frames with {} batches", report.frames, report.batches)),
                ("segments", format!("{} files with {} blocks", report.segments, report.blocks)),
                ("checkpoints", report.checkpoints.to_string()),
                ("checked", show_size(report.bytes)),
            ]);
            for damage in &report.damage {
                text.push_str(&format!("DAMAGED  {damage}\n"));
            }
            text
        })?;
        match report.damage.len() {
            0 => Ok(()),
            n => Err(Failure::failed(format!("{n} damaged place{} found", if n == 1 { "" } else { "s" }))),
        }
    }
}
