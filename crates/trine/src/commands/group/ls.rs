//! `trine group ls [PREFIX]`.

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
    /// Only groups whose name begins so.
    prefix: Option<String>,
}

impl Ls {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let mut client = Client::new(&global.server)?;
        let groups = pages(&mut client, "groups", self.prefix.as_deref())?;
        output::list(
            global.output,
            &groups,
            &[
                text("NAME", |g| plain(&g["name"])),
                text("STATE", |g| plain(&g["state"])),
                number("MEMBERS", |g| plain(&g["members"])),
            ],
        )
    }
}
