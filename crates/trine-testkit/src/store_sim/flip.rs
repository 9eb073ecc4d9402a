//! One bit flips on the medium: acknowledged data is reported or intact, never silently gone or wrong.

use std::path::{Path, PathBuf};

use trine_env::{Faults, SimFs};
use trine_storage::{ShardStore, StoreError, Where};
use trine_types::{EntityId, Lsn};

use super::{
    Check, DIR,
    check::{self, Read},
    ensure,
    life::{End, World},
    model::{Shard, State},
    owner::Owner,
    recover::CHUNK,
};

/// Places looked at for a byte that is not zero.
const AIM_TRIES: u32 = 20;

/// A flipped length can make the place where a structure seems to end the first that looks wrong: so many bytes behind the flip are still "there".
const NEAR: u64 = 4096;

/// How a flip came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Reported,
    Exempt,
    Harmless,
}

impl World<'_> {
    /// In one possible future of this moment (the process has ended, nothing is recovered yet), flips a bit, recovers and compares.
    pub(super) fn flip_a_bit(&mut self) -> Check {
        let fs = self.fs.fork(self.rng.next_u64());
        fs.set_faults(Faults::default());
        fs.set_capacity(None);
        let Some((path, pos)) = self.flip_somewhere(&fs) else {
            return Ok(());
        };
        let fate = self.after_flip(&fs, &path, pos).map_err(|what| format!("bit flip in {path:?} at {pos}: {what}"))?;
        self.tally.flips += 1;
        match fate {
            Fate::Reported => self.tally.flips_reported += 1,
            Fate::Exempt => self.tally.flips_exempt += 1,
            Fate::Harmless => self.tally.flips_harmless += 1,
        }
        Ok(())
    }

    /// Flips a bit that is certainly on the medium; where.
    fn flip_somewhere(&mut self, fs: &SimFs) -> Option<(PathBuf, u64)> {
        // Most of a data directory is zeros that were written ahead: half of the flips aim at something.
        if self.rng.chance(0.5) {
            let files = fs.files();
            for _ in 0..AIM_TRIES {
                let (path, len) = files.get(self.rng.below(files.len() as u64) as usize)?;
                let pos = self.rng.below(*len);
                let here = fs.bytes(path).and_then(|bytes| bytes.get(pos as usize).copied());
                if here.is_some_and(|byte| byte != 0) && fs.flip_bit(path, pos, self.rng.below(8) as u8).is_ok() {
                    return Some((path.clone(), pos));
                }
            }
        }
        fs.flip_random(|path| path.starts_with(DIR))
    }

    /// An offline check finds nothing wrong with what no bit flipped in.
    pub(super) fn verify_undamaged(&mut self) -> Check {
        let fs = self.fs.fork(self.rng.next_u64());
        fs.set_faults(Faults::default());
        match self.subject.verify(&fs) {
            Ok(damage) => ensure!(damage.as_ref().is_none_or(Vec::is_empty), "verify finds damage: {damage:?}"),
            // Its creation may have been interrupted.
            Err(StoreError::Format(_)) if self.end == End::Unknown => {}
            Err(error) => return Err(format!("verify fails: {error}")),
        }
        Ok(())
    }

    fn after_flip(&mut self, fs: &SimFs, path: &Path, pos: u64) -> Check<Fate> {
        let file = path.strip_prefix(DIR).unwrap_or(path);
        let damage = match self.subject.verify(fs) {
            Ok(damage) => damage,
            Err(StoreError::Format(_)) if file == Path::new("FORMAT") || self.end == End::Unknown => None,
            Err(error) => return Err(format!("verify fails: {error}")),
        };
        if let Some(damage) = damage.as_ref().filter(|damage| !damage.is_empty()) {
            // Damage elsewhere may follow from it: an older control block names files that are gone.
            let there = |place: &&Where| Path::new(&place.file) == file && place.pos <= pos + NEAR;
            ensure!(damage.iter().any(|place| there(&place)), "verify reports other places: {damage:?}");
        }
        let fate = self.open_after_flip(fs, file)?;
        let overlooked = fate == Fate::Reported && damage.is_some_and(|damage| damage.is_empty());
        ensure!(!overlooked, "reported when it was used, but verify had found nothing");
        Ok(fate)
    }

    fn open_after_flip(&mut self, fs: &SimFs, file: &Path) -> Check<Fate> {
        let mut owner = Owner::default();
        let opened = match self.open(fs, &mut owner) {
            Ok(opened) => opened,
            Err(StoreError::Corrupt(place)) => return reported(&place, file),
            Err(StoreError::Format(_)) if file == Path::new("FORMAT") => return Ok(Fate::Reported),
            Err(error) => return Err(format!("reported as something else: {error}")),
        };
        let mut fate = Fate::Harmless;
        if self.end == End::Unclean {
            ensure!(opened.unclean, "a crash was taken for a clean stop");
        }
        for ((shard, store), &last) in self.shards.iter().zip(&opened.stores).zip(&opened.last) {
            let answered = self.floor(shard);
            if last < answered {
                let floor = if self.end == End::Clean { answered } else { shard.exempt_above.min(answered) };
                ensure!(
                    last >= floor,
                    "answered batches {last}+1 to {answered} of shard group {} are silently gone (exempt only above {floor})",
                    shard.id
                );
                fate = Fate::Exempt;
            }
            let states = owner.compare(shard, last)?;
            for (&entity, state) in &states {
                if let Some(place) = read_with_flip(shard, store.as_ref(), last, entity, state)? {
                    fate = reported(&place, file)?;
                }
            }
        }
        Ok(fate)
    }
}

/// Reads an entity; returns the place that the store reports as damaged.
fn read_with_flip(
    shard: &Shard,
    store: &dyn ShardStore,
    last: Lsn,
    entity: EntityId,
    state: &State,
) -> Check<Option<Where>> {
    let mut runs = shard.runs_of(entity).clone();
    runs.retain(|_, run| run.lsn <= last);
    let mut result = check::read_all(store, entity, state, &runs, CHUNK);
    // A fallback to an older save of the index also goes back behind rewrites.
    let undo = shard.rewrites_past.iter().chain(&shard.rewrites).rev().filter(|rewrite| rewrite.entity == entity);
    for rewrite in undo {
        if result.is_ok() {
            break;
        }
        runs = rewrite.undo(&runs);
        runs.retain(|_, run| run.lsn <= last);
        result = result.or_else(|first| check::read_all(store, entity, state, &runs, CHUNK).map_err(|_| first));
    }
    match result? {
        (_, None) => Ok(None),
        (_, Some(Read::Corrupt(place))) => Ok(Some(place)),
        (_, Some(read)) => Err(format!("{entity} cannot be read: {read:?}")),
    }
}

fn reported(place: &Where, file: &Path) -> Check<Fate> {
    // One of the two control blocks may be torn; when the other is damaged too, nothing tells which is which.
    let control = |file: &Path| file.to_str().is_some_and(|name| name.starts_with("CONTROL."));
    let found = Path::new(&place.file);
    ensure!(found == file || (control(found) && control(file)), "reported in another file: {place}");
    Ok(Fate::Reported)
}
