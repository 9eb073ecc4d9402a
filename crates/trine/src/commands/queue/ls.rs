//! `trine queue ls [PREFIX]`.

use clap::Args;

use crate::{
    args::Global,
    client::Client,
    commands::topic::{pages, size},
    failure::Failure,
    output::{self, number, plain, text},
};

#[derive(Args)]
pub(crate) struct Ls {
    /// Only queues whose name begins so.
    prefix: Option<String>,
}

impl Ls {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let mut client = Client::new(&global.server)?;
        let queues = pages(&mut client, "queues", self.prefix.as_deref())?;
        output::list(
            global.output,
            &queues,
            &[
                text("NAME", |q| plain(&q["name"])),
                text("KIND", |q| if q["fifo"] == true { "fifo".to_owned() } else { "standard".to_owned() }),
                number("READY", |q| plain(&q["ready"])),
                number("IN FLIGHT", |q| plain(&q["in_flight"])),
                number("DELAYED", |q| plain(&q["delayed"])),
                number("SIZE", |q| size(&q["bytes"])),
                number("OLDEST", |q| plain(&q["oldest_age"])),
            ],
        )
    }
}
