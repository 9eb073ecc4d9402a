//! `trine channel ls [PREFIX]`.

use clap::Args;

use crate::{
    args::Global,
    client::Client,
    commands::topic::pages,
    failure::Failure,
    output::{self, number, plain, text},
};

#[derive(Args)]
pub(crate) struct Ls {
    /// Only channels whose name begins so.
    prefix: Option<String>,
}

impl Ls {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let mut client = Client::new(&global.server)?;
        let channels = pages(&mut client, "channels", self.prefix.as_deref())?;
        output::list(
            global.output,
            &channels,
            &[text("NAME", |c| plain(&c["name"])), number("SUBSCRIBERS", |c| plain(&c["subscribers"]))],
        )
    }
}
