//! The tables against naive models, with random histories.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// A hash with collisions, so that names are compared.
fn hash(name: &[u8]) -> u64 {
    name.iter().map(|b| u64::from(*b)).sum::<u64>() % 3
}

const NAMES: [&str; 7] = ["", "a", "ab", "b", "ba", "news.sport", "news.art"];
const PATTERNS: [&str; 9] = ["", "*", "a*", "?", "*a", "news.*", "news.[as]*", "ab", "a\\*"];

#[derive(Clone, Debug)]
enum Op {
    Add(u32, Kind, usize),
    Remove(u32, Kind, usize),
}

fn op() -> impl Strategy<Value = Op> {
    let kind = prop::sample::select(&Kind::ALL[..]);
    (any::<bool>(), 0..4_u32, kind, 0..NAMES.len())
        .prop_map(|(add, id, kind, name)| if add { Op::Add(id, kind, name) } else { Op::Remove(id, kind, name) })
}

proptest! {
    #[test]
    fn subscriptions_are_a_set_of_triples(ops in prop::collection::vec(op(), 0..120)) {
        let mut real = Subscriptions::default();
        let mut model: BTreeSet<(u32, usize, usize)> = BTreeSet::new();
        for op in ops {
            match op {
                Op::Add(id, kind, n) => {
                    let name: Name = NAMES[n].as_bytes().into();
                    prop_assert_eq!(real.add(id, kind, hash(&name), &name), model.insert((id, kind as usize, n)));
                }
                Op::Remove(id, kind, n) => {
                    let name = NAMES[n].as_bytes();
                    prop_assert_eq!(real.remove(id, kind, hash(name), name), model.remove(&(id, kind as usize, n)));
                }
            }
            for kind in Kind::ALL {
                for (n, name) in NAMES.iter().enumerate() {
                    let name = name.as_bytes();
                    let listed = real.subscribers(kind, hash(name), name);
                    let got: BTreeSet<u32> = listed.iter().copied().collect();
                    prop_assert_eq!(got.len(), listed.len());
                    let want = model.iter().filter(|t| t.1 == kind as usize && t.2 == n).map(|t| t.0).collect();
                    prop_assert_eq!(got, want);
                }
                for id in 0..4 {
                    let want: BTreeSet<&[u8]> = model
                        .iter()
                        .filter(|t| t.0 == id && t.1 == kind as usize)
                        .map(|t| NAMES[t.2].as_bytes())
                        .collect();
                    prop_assert_eq!(real.count(id, kind), want.len());
                    let names = real.names_of(id, kind);
                    prop_assert_eq!(names.iter().map(|(_, n)| &**n).collect::<BTreeSet<_>>(), want);
                }
            }
        }
    }

    #[test]
    fn interest_counts_by_lane(ops in prop::collection::vec(op(), 0..120)) {
        let mut real: Interest<u32> = Interest::default();
        let mut model: BTreeMap<(usize, u32), u32> = BTreeMap::new();
        for op in ops {
            match op {
                Op::Add(lane, _, n) => {
                    let name = real.add(hash(NAMES[n].as_bytes()), NAMES[n].as_bytes(), &lane);
                    prop_assert_eq!(&*name, NAMES[n].as_bytes());
                    *model.entry((n, lane)).or_default() += 1;
                }
                Op::Remove(lane, _, n) => {
                    let removed = real.remove(hash(NAMES[n].as_bytes()), NAMES[n].as_bytes(), &lane);
                    prop_assert_eq!(removed, model.contains_key(&(n, lane)));
                    if let Some(count) = model.get_mut(&(n, lane)) {
                        *count -= 1;
                        model.retain(|_, count| *count > 0);
                    }
                }
            }
            for (n, name) in NAMES.iter().enumerate() {
                let got: BTreeMap<u32, u32> = real
                    .get(hash(name.as_bytes()), name.as_bytes())
                    .map_or_else(BTreeMap::new, |(_, lanes)| lanes.iter().copied().collect());
                let want = model.iter().filter(|((m, _), _)| *m == n).map(|((_, l), c)| (*l, *c)).collect();
                prop_assert_eq!(got, want);
            }
            let names = model.keys().map(|(n, _)| n).collect::<BTreeSet<_>>().len();
            prop_assert_eq!((real.len(), real.iter().count(), real.is_empty()), (names, names, names == 0));
        }
    }

    #[test]
    fn the_index_finds_what_every_glob_by_itself_finds(
        ops in prop::collection::vec((any::<bool>(), 0..3_u32, 0..PATTERNS.len()), 0..60),
    ) {
        let mut real: PatternIndex<u32> = PatternIndex::default();
        let mut model: BTreeMap<(usize, u32), u32> = BTreeMap::new();
        for (add, lane, p) in ops {
            let pattern = PATTERNS[p].as_bytes();
            let before: BTreeSet<usize> = model.keys().map(|(p, _)| *p).collect();
            let generation = real.generation();
            if add {
                prop_assert_eq!(&*real.add(hash(pattern), pattern, &lane), pattern);
                *model.entry((p, lane)).or_default() += 1;
            } else {
                prop_assert_eq!(real.remove(pattern, &lane), model.contains_key(&(p, lane)));
                if let Some(count) = model.get_mut(&(p, lane)) {
                    *count -= 1;
                    model.retain(|_, count| *count > 0);
                }
            }
            let after: BTreeSet<usize> = model.keys().map(|(p, _)| *p).collect();
            prop_assert_eq!(real.generation() != generation, before != after);
            prop_assert_eq!(real.len(), after.len());
            for name in NAMES {
                let mut got = BTreeMap::new();
                real.matches(name.as_bytes(), |slot| {
                    let found = real.get(slot).expect("a slot that was just found");
                    for (lane, count) in found.lanes {
                        got.insert((found.name.to_vec(), *lane), *count);
                    }
                });
                let want = model
                    .iter()
                    .filter(|((p, _), _)| Glob::new(PATTERNS[*p].as_bytes()).matches(name.as_bytes()))
                    .map(|((p, lane), count)| ((PATTERNS[*p].as_bytes().to_vec(), *lane), *count))
                    .collect();
                prop_assert_eq!(got, want);
            }
        }
    }
}

#[test]
fn a_table_that_shrinks_keeps_what_is_left() {
    let mut interest: Interest<u32> = Interest::default();
    let name = |i: u32| i.to_be_bytes();
    for i in 0..20_000 {
        interest.add(u64::from(i).wrapping_mul(0x9e37_79b9_7f4a_7c15), &name(i), &0);
    }
    for i in 0..19_990 {
        assert!(interest.remove(u64::from(i).wrapping_mul(0x9e37_79b9_7f4a_7c15), &name(i), &0));
    }
    assert_eq!(interest.len(), 10);
    for i in 19_990..20_000 {
        assert_eq!(interest.subscriptions(u64::from(i).wrapping_mul(0x9e37_79b9_7f4a_7c15), &name(i)), 1);
    }
}
