//! `trine user hash`.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::Subcommand;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use trine_env::{Rng, SystemRng};
use trine_net::auth::{ITERATIONS_DEFAULT, PASSWORD_BYTES_MAX, SALT_BYTES, Verifier};

use crate::failure::Failure;

/// What can be done with users.
#[derive(Subcommand)]
pub(crate) enum User {
    /// Read a password from standard input and print what the configuration keeps instead.
    Hash,
}

impl User {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Hash => hash(),
        }
    }
}

fn hash() -> Result<(), Failure> {
    let password = read_password()?;
    if password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
        return Err(Failure::usage(format!("a password has 1 to {PASSWORD_BYTES_MAX} bytes")));
    }
    let mut salt = [0; SALT_BYTES];
    SystemRng.fill(&mut salt);
    writeln!(io::stdout(), "{}", Verifier::of_password(password.as_bytes(), &salt, ITERATIONS_DEFAULT))?;
    Ok(())
}

/// One line; on a terminal it is not shown.
fn read_password() -> Result<String, Failure> {
    let stdin = io::stdin();
    let mut line = String::new();
    if stdin.is_terminal() {
        eprint!("password: ");
        let shown = tcgetattr(&stdin).map_err(io::Error::from)?;
        let mut hidden = shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Flush, &hidden).map_err(io::Error::from)?;
        let read = stdin.lock().read_line(&mut line);
        tcsetattr(&stdin, OptionalActions::Flush, &shown).map_err(io::Error::from)?;
        eprintln!();
        read?;
    } else {
        stdin.lock().read_line(&mut line)?;
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
