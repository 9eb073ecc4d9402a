//! The task around a shard: waits, drains, lets it work.

use std::{sync::Arc, time::Duration};

use super::{Command, Shard, TURN_COMMANDS_MAX};
use crate::{broker::Inner, host::BoxFuture};

/// Runs a shard until it stopped or failed.
pub(crate) async fn run(mut shard: Shard, shared: Arc<Inner>) {
    let Some(mailbox) = shared.mailboxes.get(usize::from(shard.id.0)) else { return };
    let mut waiting: Vec<Command> = Vec::new();
    let mut turn: Vec<Command> = Vec::new();
    let mut timer: Option<(Duration, BoxFuture<()>)> = None;
    loop {
        mailbox.drain(&mut waiting);
        let mut commands = waiting.drain(..);
        loop {
            turn.extend(commands.by_ref().take(TURN_COMMANDS_MAX));
            shard.turn(&mut turn);
            if commands.len() == 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(commands);
        if shard.is_done() {
            return;
        }
        if shard.has_more() {
            tokio::task::yield_now().await;
            continue;
        }
        let Some(wake_at) = shard.next_wake() else {
            mailbox.woken().await;
            continue;
        };
        // A timer that goes off too early costs one empty turn; a new one for every turn would cost more.
        if timer.as_ref().is_none_or(|(at, _)| wake_at < *at) {
            let wait = wake_at.saturating_sub(shared.clock.mono());
            timer = Some((wake_at, shared.host.sleep(wait)));
        }
        let Some((_, sleep)) = &mut timer else { continue };
        tokio::select! {
            biased;
            () = mailbox.woken() => {}
            () = sleep => timer = None,
        }
    }
}
