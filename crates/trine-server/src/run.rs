//! A whole process: runtime, start-up block, signals, exit.

use std::io::{self, Write};

use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
};

use crate::{Environment, Server, StartError, StopError, config::Config};

/// Why the process ends without success.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The operating system refused threads or signal handlers.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
    /// The store failed: nothing that was not answered is certain (law 7). A restart recovers what is on disk.
    #[error(
        "the store failed and the server ended, so that nothing wrong is answered: {0}\nwhat was answered is on disk; a restart recovers it"
    )]
    Store(String),
    /// The stop was not clean.
    #[error(transparent)]
    Stop(#[from] StopError),
    /// Asked twice to end.
    #[error("ended at once, without waiting for clients; the next start recovers")]
    Impatient,
}

/// Runs a server until it is told to stop (SIGTERM, SIGINT) or its store fails.
pub fn run(config: Config) -> Result<(), RunError> {
    // As many workers as the process may use cores.
    let runtime = runtime::Builder::new_multi_thread().enable_all().thread_name("trine").build()?;
    let ended = runtime.block_on(serve(config));
    // Blocking reads that still run must not hold the process up.
    runtime.shutdown_background();
    ended
}

async fn serve(config: Config) -> Result<(), RunError> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut asked = async || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let starting = Server::start(config, Environment::system());
    let server = tokio::select! {
        started = starting => started?,
        // Nothing was let in yet, and recovery changes nothing that a next recovery would miss.
        () = asked() => return Ok(()),
    };
    // Nobody may be reading; that is no reason to stop.
    let _ = writeln!(io::stdout(), "{}", server.banner());
    let failed = tokio::select! {
        () = asked() => None,
        reason = server.failure() => Some(reason),
    };
    if let Some(reason) = failed {
        return Err(RunError::Store(reason.to_string()));
    }
    tracing::info!("stopping: clients may finish what they have begun");
    tokio::select! {
        stopped = server.stop() => stopped?,
        () = asked() => return Err(RunError::Impatient),
    }
    tracing::info!("stopped");
    Ok(())
}
