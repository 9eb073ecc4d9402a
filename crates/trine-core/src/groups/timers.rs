//! What happens because time passes: members lost, waiting that ends.

use std::time::Duration;

use super::{Group, GroupError, GroupSettings, MemberId, Outcome, turn::Turn};

impl Group {
    /// Does what is due at `mono`. Nothing happens before [`Group::next_deadline`].
    pub fn on_time(&mut self, settings: &GroupSettings, mono: Duration) -> Outcome<()> {
        let mut turn = self.turn(settings, mono);
        if turn.session.wake.is_some_and(|wake| wake <= mono) {
            turn.expire_sessions();
            turn.session.find_wake();
        }
        turn.finish(())
    }
}

impl Turn<'_> {
    fn expire_sessions(&mut self) {
        let mono = self.mono;
        self.session.pending.retain(|_, until| *until > mono);
        let lost = self.lost();
        for id in &lost {
            self.remove(id, &GroupError::UnknownMember);
        }
        if self.session.sync_until.is_some_and(|until| until <= mono) {
            self.session.sync_until = None;
        }
        match &mut self.session.rebalance {
            None if lost.is_empty() => {}
            None => self.rebalance(None),
            Some(rebalance) if rebalance.until > mono => self.form_if_complete(),
            Some(rebalance) => match &mut rebalance.initial {
                // Somebody joined meanwhile: wait for more, but no longer than members want to wait for a rebalance.
                Some(initial) if initial.more && !initial.remaining.is_zero() => {
                    let delay = self.settings.initial_rebalance_delay.min(initial.remaining);
                    initial.remaining = initial.remaining.saturating_sub(initial.delay);
                    initial.delay = delay;
                    initial.more = false;
                    rebalance.until = mono + delay;
                    self.form_if_complete();
                }
                _ => self.form(),
            },
        }
    }

    /// Members whose time is over: not heard from, parked too long as newcomers, or never synced.
    fn lost(&self) -> Vec<MemberId> {
        let due = |until: Duration| until <= self.mono;
        let heard = self.session.heard_until.iter();
        let silent = heard.filter(|(id, until)| due(**until) && !self.session.is_parked(id)).map(|(id, _)| id);
        let joined = self.session.rebalance.iter().flat_map(|r| r.joined.iter());
        let newcomers = joined.filter(|(_, j)| j.until.is_some_and(due)).map(|(id, _)| id);
        let unsynced = self.session.unsynced.iter().filter(|_| self.session.sync_until.is_some_and(due));
        silent.chain(newcomers).chain(unsynced).cloned().collect()
    }
}
