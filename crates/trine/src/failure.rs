//! How a command ends: 0 done, 1 failed, 2 wrong use, 3 not found, 4 timed out, 5 denied.

use std::{fmt, io, process::ExitCode};

/// Why a command ends without success.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// It did not work.
    Failed,
    /// It was asked in a wrong way.
    Usage,
    /// What it is about does not exist.
    NotFound,
    /// It took too long.
    Timeout,
    /// The caller may not do it.
    Denied,
    /// Whoever read our output has gone: nothing to report.
    Quiet,
}

/// A failure with its text.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Prints the text and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if self.kind != Kind::Quiet {
            eprintln!("error: {}", self.message);
        }
        ExitCode::from(match self.kind {
            Kind::Quiet => 0,
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::NotFound => 3,
            Kind::Timeout => 4,
            Kind::Denied => 5,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Errors of our own output and input.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let kind = if error.kind() == io::ErrorKind::BrokenPipe { Kind::Quiet } else { Kind::Failed };
        Self::new(kind, error.to_string())
    }
}
