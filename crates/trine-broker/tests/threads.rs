//! The broker as it runs in production: tokio, the store's threads, real files.

use std::{path::Path, sync::Arc, time::Duration};

use trine_broker::{
    Access, Broker, BrokerConfig, BrokerParts, Failure, FetchPartition, FetchSpec, NewBatch, NewTopic, TokioHost,
};
use trine_env::{StdFs, SystemClock, SystemRng};
use trine_records::BatchBuilder;
use trine_storage::{LocalOptions, LocalStore};
use trine_types::{Timestamp, TopicName};

const CLIENTS: u64 = 16;
const BATCHES: u64 = 50;
const PARTITIONS: u32 = 6;

async fn open(dir: &Path) -> Broker {
    let clock = Arc::new(SystemClock::new(Timestamp::ZERO));
    let parts = BrokerParts {
        config: BrokerConfig::default(),
        access: Access::allow_all(),
        clock: clock.clone(),
        rng: Arc::new(SystemRng),
        host: Arc::new(TokioHost::current()),
    };
    let opened = Broker::open(parts, |waker, replay| {
        let options = LocalOptions { wal_file_min: 1 << 20, ..LocalOptions::default() };
        let (fs, rng) = (Arc::new(StdFs::new()), Arc::new(SystemRng));
        LocalStore::open(fs, clock, rng, dir, options, waker, replay, &mut |_, _| {})
    });
    opened.await.expect("the broker opens")
}

/// Sends batches in a row, several under way at a time, to the client's partition.
async fn client(broker: Broker, name: TopicName, client: u64) {
    let topic = Arc::clone(broker.catalog().topic(name.as_str()).expect("the topic exists"));
    let partition = topic.partition(client as u32 % PARTITIONS).expect("the partition exists");
    let id = broker.producers().new_id().await.expect("a producer id");
    let mut answers = Vec::new();
    for n in 0..BATCHES {
        let mut builder = BatchBuilder::new().producer(id, 0, n as i32);
        builder.push(0, None, Some(format!("{client} {n}").as_bytes()), &[]);
        let batch = builder.build().expect("a batch");
        let permit = broker.streams().permit(batch.len()).await.expect("room");
        answers.push(broker.streams().append(permit, &partition, NewBatch::built(batch).expect("a batch")));
    }
    let mut last = None;
    for answer in answers {
        let offset = answer.await.expect("appended").base_offset;
        assert!(last.is_none_or(|last| last < offset), "in the order of the calls");
        last = Some(offset);
    }
}

/// Counts the records of a topic by long polls that are woken by the watermark.
async fn count(broker: &Broker, name: &TopicName, until: u64) -> u64 {
    let topic = Arc::clone(broker.catalog().topic(name.as_str()).expect("the topic exists"));
    let mut partitions: Vec<_> = topic
        .all_partitions()
        .map(|partition| FetchPartition {
            partition,
            from: 0,
            max_bytes: 1 << 16,
            current_leader_epoch: Some(0),
            last_fetched_epoch: None,
        })
        .collect();
    let mut seen = 0;
    while seen < until {
        let max_wait = Duration::from_secs(30);
        let spec = FetchSpec { partitions: partitions.clone(), min_bytes: 1, max_bytes: 1 << 20, max_wait };
        let found = broker.streams().fetch(spec).await;
        let before = seen;
        for (one, fetched) in partitions.iter_mut().zip(found.partitions) {
            for batch in fetched.expect("fetched").batches {
                assert_eq!(batch.base, one.from, "no gap and nothing twice");
                one.from = batch.end();
                seen += u64::from(batch.count);
            }
        }
        assert!(seen > before, "a fetch that waits so long brings something");
    }
    seen
}

#[test]
fn many_clients_at_once_and_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("a runtime");
    let name = TopicName::parse("t").expect("a name");
    let total = CLIENTS * BATCHES;
    runtime.block_on(async {
        let broker = open(dir.path()).await;
        let new = NewTopic { name: name.clone(), partitions: Some(PARTITIONS), settings: Default::default() };
        broker.topics().create(vec![new], false).await.remove(0).expect("the topic is made");
        let reader = tokio::spawn({
            let (broker, name) = (broker.clone(), name.clone());
            async move { count(&broker, &name, total).await }
        });
        let clients: Vec<_> = (0..CLIENTS).map(|n| tokio::spawn(client(broker.clone(), name.clone(), n))).collect();
        for client in clients {
            client.await.expect("the client succeeds");
        }
        assert_eq!(reader.await.expect("the reader succeeds"), total);
        assert_eq!(broker.stats().records_appended, total);
        broker.shutdown(Duration::from_secs(30)).await.expect("a clean stop");
        let partition = broker.catalog().topic("t").and_then(|topic| topic.partition(0)).expect("it is there");
        let trimmed = broker.streams().trim(&partition, None);
        assert!(matches!(trimmed.await, Err(trine_broker::StreamError::Failure(Failure::Stopping))));
    });
    runtime.block_on(async {
        let broker = open(dir.path()).await;
        assert_eq!(count(&broker, &name, total).await, total);
        assert_eq!(broker.catalog().topic("t").expect("it is there").partition(0).expect("0").view().leader_epoch(), 0);
        broker.shutdown(Duration::from_secs(30)).await.expect("a clean stop");
    });
}
