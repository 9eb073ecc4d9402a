//! A whole broker on one thread and virtual time.

#![allow(dead_code, unreachable_pub, reason = "every test file uses its own part")]

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use trine_broker::{
    Access, AppendError, Appended, Broker, BrokerConfig, BrokerParts, FetchPartition, FetchResult, FetchSpec, NewBatch,
    NewTopic, PartitionRef, Topic, inline::InlineHost,
};
use trine_env::{Clock, SimClock, SimFs, SimRng};
use trine_records::BatchBuilder;
use trine_storage::{Engine, LocalOptions, LocalStore, MemoryDisk, MemoryOptions, MemoryStore};
use trine_types::{Timestamp, TopicName};

/// Message time at the start of every test.
pub const START: Timestamp = Timestamp(1_700_000_000_000);
/// Rounds after which something that should have happened is given up.
const ROUNDS_MAX: usize = 50_000;

/// Where a test's data is.
#[derive(Clone)]
pub enum Disk {
    Memory(MemoryDisk),
    Local(SimFs),
}

impl Disk {
    fn new() -> Self {
        match crate::LOCAL {
            true => Self::Local(SimFs::new(1)),
            false => Self::Memory(MemoryDisk::new()),
        }
    }

    /// The power fails.
    fn crash(self) -> Self {
        match self {
            Self::Memory(disk) => {
                disk.crash();
                Self::Memory(disk)
            }
            Self::Local(fs) => Self::Local(fs.crash()),
        }
    }
}

/// A running broker.
pub struct World {
    pub clock: SimClock,
    pub host: InlineHost,
    pub broker: Broker,
    pub engine: Box<dyn Engine>,
    pub disk: Disk,
    pub config: BrokerConfig,
    seed: u64,
}

impl World {
    /// A new broker with small delays.
    pub fn new() -> Self {
        let mut config = BrokerConfig::default();
        config.groups.initial_rebalance_delay = Duration::ZERO;
        Self::with(config)
    }

    pub fn with(config: BrokerConfig) -> Self {
        let clock = SimClock::new(START);
        Self::open(config, clock, Disk::new(), 1)
    }

    fn open(config: BrokerConfig, clock: SimClock, disk: Disk, seed: u64) -> Self {
        let host = InlineHost::new(Arc::new(clock.clone()));
        let parts = BrokerParts {
            config: config.clone(),
            access: Access::allow_all(),
            clock: Arc::new(clock.clone()),
            rng: Arc::new(SimRng::new(seed)),
            host: Arc::new(host.clone()),
        };
        let opened = Broker::recover(parts, |waker, replay| match &disk {
            Disk::Memory(disk) => {
                let options = MemoryOptions { shards: 4, ..MemoryOptions::default() };
                MemoryStore::open_on(options, disk, waker, replay)
            }
            Disk::Local(fs) => LocalStore::open(
                Arc::new(fs.clone()),
                Arc::new(clock.clone()),
                Arc::new(SimRng::new(seed)),
                std::path::Path::new("/data"),
                LocalOptions { shards: 4, ..LocalOptions::small() },
                waker,
                replay,
                &mut |_, _| {},
            ),
        });
        let (broker, engine) = opened.expect("the store opens").launch();
        let mut world = Self { clock, host, broker: broker.clone(), engine, disk, config, seed };
        world.run(broker.ready()).expect("the broker starts");
        world
    }

    /// Ends the process without a word and starts it again.
    pub fn crash(self) -> Self {
        let Self { clock, host, broker, engine, disk, config, seed } = self;
        host.kill();
        drop((broker, engine));
        Self::open(config, clock, disk.crash(), seed + 1)
    }

    /// Stops and starts again.
    pub fn restart(mut self) -> Self {
        let broker = self.broker.clone();
        self.run(broker.shutdown(Duration::from_secs(5))).expect("the broker stops");
        let Self { clock, host, broker, engine, disk, config, seed } = self;
        engine.close().expect("the store closes");
        host.kill();
        drop(broker);
        Self::open(config, clock, disk, seed + 1)
    }

    /// Runs a future to its end; a millisecond passes per round.
    pub fn run<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut rounds = 0;
        let (engine, clock) = (&mut self.engine, &self.clock);
        let done = self.host.block_on(future, || {
            engine.commit();
            engine.maintain();
            clock.advance(Duration::from_millis(1));
            rounds += 1;
            rounds < ROUNDS_MAX
        });
        done.expect("the future completes")
    }

    /// Runs a future that needs nothing to become durable.
    pub fn run_without_commit<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut rounds = 0;
        let done = self.host.block_on(future, || {
            rounds += 1;
            rounds < 100
        });
        done.expect("the future completes")
    }

    /// Lets everything that is due happen, without a commit.
    pub fn step(&self) {
        for _ in 0..4 {
            self.host.step();
        }
    }

    /// Lets time pass.
    pub fn wait(&mut self, time: Duration) {
        let until = self.clock.mono() + time;
        while self.clock.mono() < until {
            self.clock.advance(Duration::from_millis(100).min(until - self.clock.mono()));
            self.host.step();
            self.engine.commit();
            self.engine.maintain();
            self.host.step();
        }
    }

    pub fn topic(&mut self, name: &str, partitions: u32, settings: &[(&str, &str)]) -> Arc<Topic> {
        let new = new_topic(name, partitions, settings);
        let broker = self.broker.clone();
        self.run(broker.topics().create(vec![new], false)).pop().expect("one result").expect("the topic is made")
    }

    /// A partition as the catalogue has it now.
    pub fn partition(&self, name: &str, index: u32) -> PartitionRef {
        self.broker.catalog().topic(name).expect("the topic exists").partition(index).expect("the partition exists")
    }

    pub fn append(&mut self, partition: &PartitionRef, batch: Bytes) -> Result<Appended, AppendError> {
        let broker = self.broker.clone();
        self.run(async {
            let permit = broker.streams().permit(batch.len()).await?;
            broker.streams().append(permit, partition, NewBatch::built(batch).expect("a batch")).await
        })
    }

    /// What a fetch that does not wait returns.
    pub fn fetch(&mut self, partitions: Vec<FetchPartition>) -> FetchResult {
        let broker = self.broker.clone();
        let spec = FetchSpec { partitions, min_bytes: 1, max_bytes: 1 << 20, max_wait: Duration::ZERO };
        self.run(broker.streams().fetch(spec))
    }

    /// Offset, key and value of every record from an offset on.
    pub fn records(&mut self, partition: &PartitionRef, from: u64) -> Vec<(u64, Option<String>, Option<String>)> {
        let mut from = from.max(partition.view().log_start());
        let mut all = Vec::new();
        while from < partition.view().end() {
            let fetched = self.fetch(vec![at(partition, from)]).partitions.remove(0).expect("fetched");
            let Some(last) = fetched.batches.last() else { break };
            let next = last.end();
            for batch in &fetched.batches {
                all.extend(records_of(&batch.bytes).into_iter().filter(|(offset, _, _)| *offset >= from));
            }
            from = next;
        }
        all
    }
}

pub fn new_topic(name: &str, partitions: u32, settings: &[(&str, &str)]) -> NewTopic {
    NewTopic {
        name: TopicName::parse(name).expect("a topic name"),
        partitions: Some(partitions),
        settings: settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
    }
}

pub fn at(partition: &PartitionRef, from: u64) -> FetchPartition {
    FetchPartition {
        partition: partition.clone(),
        from,
        max_bytes: 1 << 20,
        current_leader_epoch: None,
        last_fetched_epoch: None,
    }
}

/// A batch of records with these values, all at one time.
pub fn batch(ts: i64, values: &[&str]) -> Bytes {
    let mut builder = BatchBuilder::new();
    for value in values {
        builder.push(ts, None, Some(value.as_bytes()), &[]);
    }
    builder.build().expect("a batch")
}

/// A batch of one record with a key; no value is a tombstone.
pub fn keyed(ts: i64, key: &str, value: Option<&str>) -> Bytes {
    let mut builder = BatchBuilder::new();
    builder.push(ts, Some(key.as_bytes()), value.map(str::as_bytes), &[]);
    builder.build().expect("a batch")
}

/// A batch of one record from an idempotent producer.
pub fn produced(id: i64, epoch: i16, sequence: i32, value: &str) -> Bytes {
    let mut builder = BatchBuilder::new().producer(id, epoch, sequence);
    builder.push(START.0, None, Some(value.as_bytes()), &[]);
    builder.build().expect("a batch")
}

fn records_of(batch: &Bytes) -> Vec<(u64, Option<String>, Option<String>)> {
    let header = trine_records::BatchHeader::parse(batch).expect("a header");
    let payload = trine_records::records_of(&header, batch, 1 << 24).expect("records");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    trine_records::Records::new(&payload)
        .map(|record| record.expect("a record"))
        .map(|record| (header.offset_at(record.offset_delta), record.key.map(text), record.value.map(text)))
        .collect()
}
