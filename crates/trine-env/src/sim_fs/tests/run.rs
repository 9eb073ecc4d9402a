//! Long random runs: the same seed gives the same bytes, and what was synced is always there.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use super::path;
use crate::{Faults, File, Fs, OpenMode, Seeded, SimFs};

const NAMES: u64 = 6;
const FILE: usize = 16 * 1024;

/// Everything a run shows to the outside.
fn run(seed: u64, lives: usize) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut rng = Seeded::new(seed);
    let mut fs = SimFs::new(seed);
    let mut shown = Vec::new();
    for _ in 0..lives {
        fs.set_faults(Faults {
            sync_fails: 0.1,
            write_fails: 0.02,
            read_fails: 0.02,
            meta_fails: 0.02,
            writeback: 0.1,
            ..Faults::default()
        });
        let mut open: Vec<Arc<dyn File>> = Vec::new();
        for _ in 0..40 {
            step(&mut rng, &fs, &mut open);
        }
        fs = if rng.chance(0.3) { fs.kill() } else { fs.crash() };
        shown.extend(fs.files().into_iter().map(|(name, _)| (name.clone(), fs.bytes(&name))));
        shown.push((PathBuf::from(format!("{:?} {}", fs.counts(), fs.used())), None));
    }
    shown
}

fn step(rng: &mut Seeded, fs: &SimFs, open: &mut Vec<Arc<dyn File>>) {
    let name = |rng: &mut Seeded| PathBuf::from(format!("/f{}", rng.below(NAMES)));
    let pos = rng.below(FILE as u64);
    let some = open.get(rng.below(open.len() as u64) as usize);
    // Errors are part of the run: what matters is that they repeat.
    let _ = match (rng.below(8), some) {
        (0, _) => fs.open(&name(rng), OpenMode::CreateNew).map(|file| open.push(file)),
        (1, _) => fs.open(&name(rng), OpenMode::Write).map(|file| open.push(file)),
        (2, _) => fs.rename(&name(rng), &name(rng)),
        (3, _) => fs.remove_file(&name(rng)),
        (4, _) => fs.sync_dir(path("/")),
        (5, Some(file)) => file.sync_data(),
        (6, Some(file)) => file.set_len(pos),
        (_, Some(file)) => file.write_all_at(&vec![rng.next_u64() as u8; rng.below(3000) as usize], pos),
        (_, None) => Ok(()),
    };
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for seed in 0..20 {
        assert!(run(seed, 10) == run(seed, 10), "seed {seed} does not repeat");
    }
    assert!(run(1, 10) != run(2, 10));
}

/// A model of what must be there: per file, the content at its last sync, and for each later write only "old or new, block by block".
#[test]
fn synced_bytes_survive_long_random_lives() {
    for seed in 0..100 {
        let mut rng = Seeded::new(seed);
        let mut fs = SimFs::new(seed);
        let mut possible: BTreeMap<usize, Vec<[u8; 32]>> = BTreeMap::new();
        super::durable_file(&fs, "/f", FILE, 0);
        for block in 0..32 {
            possible.insert(block, vec![[0; 32]]);
        }
        for _ in 0..20 {
            let file = fs.open(path("/f"), OpenMode::Write).unwrap();
            for _ in 0..20 {
                let block = rng.below(32) as usize;
                let mut tag = [0; 32];
                rng.fill(&mut tag);
                file.write_all_at(&tag.repeat(16), block as u64 * 512).unwrap();
                possible.get_mut(&block).unwrap().push(tag);
                if rng.chance(0.1) {
                    file.sync_data().unwrap();
                    for versions in possible.values_mut() {
                        versions.drain(..versions.len() - 1);
                    }
                }
            }
            fs = fs.crash();
            let bytes = fs.bytes(path("/f")).unwrap();
            for (block, versions) in &mut possible {
                let found: [u8; 32] = bytes[block * 512..][..32].try_into().unwrap();
                assert!(bytes[block * 512..][..512].chunks(32).all(|part| part == found), "torn block");
                assert!(versions.contains(&found), "seed {seed}: block {block} went back behind its sync");
                *versions = vec![found];
            }
        }
    }
}
