//! Group-commit figures of the local store: closed-loop appenders on a directory, records per second and latency.
//!
//! `cargo bench -p trine-storage --bench wal -- DIR [SECONDS]` prints a table. Nothing runs without a directory, so that `cargo test` stays quick.

#![allow(clippy::disallowed_methods, reason = "a benchmark times real work on a real disk")]

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use trine_env::{Clock, StdFs, SystemClock, SystemRng};
use trine_storage::{
    Durability, LocalOptions, LocalStore, Op, OpBatch, OpKind, Opened, Replay, Run, ShardStore, test_batch,
};
use trine_types::{EntityId, Lsn, ShardId, Timestamp};

struct Ignore;

impl Replay for Ignore {
    fn section(&mut self, _: ShardId, _: trine_storage::Section) {}
    fn batch(&mut self, _: ShardId, _: Lsn, _: Timestamp, _: Vec<Op>) {}
}

/// Wakes everybody who waits for a shard group.
#[derive(Default)]
struct Wake {
    round: Mutex<u64>,
    cond: Condvar,
}

struct Load {
    appenders: usize,
    payload: usize,
    time: Duration,
}

struct Figures {
    appended: u64,
    bytes: u64,
    syncs: u64,
    latencies: Vec<u32>,
    time: Duration,
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|a| a != "--bench");
    let Some(dir) = args.next().map(PathBuf::from) else {
        println!("usage: cargo bench -p trine-storage --bench wal -- DIR [SECONDS]");
        return;
    };
    let seconds: f64 = args.next().and_then(|s| s.parse().ok()).unwrap_or(2.0);
    println!(
        "{:>9} {:>8} {:>11} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "appenders", "payload", "acked/s", "MB/s", "syncs/s", "p50 ms", "p99 ms", "p999 ms"
    );
    for appenders in [1, 10, 100, 1000] {
        for payload in [100, 1024, 16 << 10, 64 << 10] {
            let figures = run(&dir, &Load { appenders, payload, time: Duration::from_secs_f64(seconds) });
            print_row(appenders, payload, figures);
        }
    }
}

fn print_row(appenders: usize, payload: usize, mut figures: Figures) {
    figures.latencies.sort_unstable();
    let quantile = |q: f64| {
        let at = (figures.latencies.len() as f64 * q) as usize;
        f64::from(figures.latencies.get(at).copied().unwrap_or_default()) / 1000.0
    };
    let per_second = |value: u64| value as f64 / figures.time.as_secs_f64();
    println!(
        "{appenders:>9} {payload:>8} {:>11.0} {:>8.1} {:>8.0} {:>8.2} {:>8.2} {:>8.2}",
        per_second(figures.appended),
        per_second(figures.bytes) / 1e6,
        per_second(figures.syncs),
        quantile(0.5),
        quantile(0.99),
        quantile(0.999),
    );
}

fn run(dir: &Path, load: &Load) -> Figures {
    let dir = dir.join("wal-bench");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("the directory can be created");
    let wakes: Arc<Vec<Wake>> = Arc::new((0..8).map(|_| Wake::default()).collect());
    let waker = {
        let wakes = Arc::clone(&wakes);
        Arc::new(move |shard: ShardId| {
            *wakes[usize::from(shard.0)].round.lock().unwrap() += 1;
            wakes[usize::from(shard.0)].cond.notify_all();
        })
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(Timestamp::ZERO));
    let opened = LocalStore::open(
        Arc::new(StdFs::new()),
        clock,
        Arc::new(SystemRng),
        &dir,
        LocalOptions::default(),
        waker,
        &mut Ignore,
        &mut |_, _| {},
    )
    .expect("the store opens");
    let Opened { stores, engine, .. } = opened;
    let running = engine.start();
    let figures = appenders(&stores, &wakes, load);
    running.close().expect("the store closes");
    let _ = std::fs::remove_dir_all(&dir);
    figures
}

fn appenders(stores: &[Arc<dyn ShardStore>], wakes: &Arc<Vec<Wake>>, load: &Load) -> Figures {
    let stop = AtomicBool::new(false);
    let appended = AtomicU64::new(0);
    let offsets: Vec<_> = stores.iter().map(|_| Mutex::new(0_u64)).collect();
    let payload = test_batch(1, 0, &vec![7; load.payload]);
    let begun = Instant::now();
    let latencies = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..load.appenders)
            .map(|at| {
                let (store, wake, offset) = (&stores[at % 8], &wakes[at % 8], &offsets[at % 8]);
                let (stop, appended, payload) = (&stop, &appended, &payload);
                std::thread::Builder::new()
                    .stack_size(64 << 10)
                    .spawn_scoped(scope, move || appender(&**store, wake, offset, payload, stop, appended))
                    .expect("a thread starts")
            })
            .collect();
        std::thread::sleep(load.time);
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().flat_map(|t| t.join().expect("an appender ends")).collect()
    });
    let stats = stores[0].stats();
    let appended = appended.load(Ordering::Relaxed);
    Figures { appended, bytes: appended * payload.len() as u64, syncs: stats.syncs, latencies, time: begun.elapsed() }
}

fn appender(
    store: &dyn ShardStore,
    wake: &Wake,
    offset: &Mutex<u64>,
    payload: &Bytes,
    stop: &AtomicBool,
    appended: &AtomicU64,
) -> Vec<u32> {
    let entity = EntityId::new(store.shard().0, 1).expect("the id is in range");
    let mut latencies = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let lsn = {
            let mut offset = offset.lock().unwrap();
            let run = Run { base: *offset, count: 1, max_ts: 0, leader_epoch: 0, batch: payload.clone() };
            *offset += 1;
            let op = Op { kind: OpKind(1), entity, meta: Bytes::new(), run: Some(run) };
            let batch = OpBatch { at: Timestamp(0), durability: Durability::Sync, reserve: false, ops: vec![op] };
            store.append(batch).expect("the append is accepted")
        };
        let mut round = wake.round.lock().unwrap();
        while store.durable() < lsn {
            round = wake.cond.wait(round).unwrap();
        }
        drop(round);
        appended.fetch_add(1, Ordering::Relaxed);
        latencies.push(begun.elapsed().as_micros() as u32);
    }
    latencies
}
