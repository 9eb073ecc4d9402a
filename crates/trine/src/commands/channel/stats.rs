//! `trine channel stats`.

use crate::{
    args::Global,
    client::Client,
    commands::topic::size,
    failure::Failure,
    output::{self, plain},
};

/// Prints figures of all channels together.
pub(crate) fn run(global: &Global) -> Result<(), Failure> {
    let answer = Client::new(&global.server)?.get("/v1/channels?limit=1")?;
    let stats = &answer["stats"];
    output::object(global.output, stats, || {
        let mut lines = output::pairs(&[
            ("channels", plain(&stats["channels"])),
            ("patterns", plain(&stats["patterns"])),
            ("subscribers", plain(&stats["subscribers"])),
            ("published since start", plain(&stats["published"])),
            ("delivered since start", plain(&stats["delivered"])),
            ("waiting to be sent", size(&stats["outbox_bytes"])),
        ]);
        for (reason, count) in stats["cut_off"].as_object().into_iter().flatten() {
            lines.push_str(&format!("cut off ({reason})  {}\n", plain(count)));
        }
        lines
    })
}
