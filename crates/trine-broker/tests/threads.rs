//! The broker as it runs in production: tokio, the store's threads, real files.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use trine_broker::{
    Access, Broker, BrokerConfig, BrokerParts, Failure, FetchPartition, FetchSpec, NewBatch, NewMessage, NewQueue,
    NewTopic, QueueRef, QueueSettings, Receive, TokioHost,
};
use trine_env::{StdFs, SystemClock, SystemRng};
use trine_records::BatchBuilder;
use trine_storage::{LocalOptions, LocalStore};
use trine_types::{Namespace, QueueName, Timestamp, TopicName};

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

/// Receives with long polls and acknowledges until the last message was seen by somebody; some polls are given up on the way.
async fn worker(broker: Broker, queue: QueueRef, all: u64, done: Arc<AtomicU64>) -> Vec<String> {
    let mut seen = Vec::new();
    while done.load(Ordering::SeqCst) < all {
        let receive = |wait| Receive { max: 5, wait, consumer: "worker".into(), ..Receive::default() };
        let impatient = broker.queues().receive(&queue, receive(Duration::from_secs(20)));
        let got = match tokio::time::timeout(Duration::ZERO, impatient).await {
            Ok(got) => got,
            // Given up: whatever it was about to get goes to others.
            Err(_) => broker.queues().receive(&queue, receive(Duration::from_millis(20))).await,
        };
        let got = got.expect("received");
        for delivery in &got {
            seen.push(String::from_utf8_lossy(&delivery.message.body).into_owned());
        }
        let receipts: Vec<_> = got.iter().map(|delivery| delivery.receipt).collect();
        let acked = broker.queues().ack(&queue, receipts).await.expect("acknowledged");
        assert!(acked.iter().all(Result::is_ok));
        done.fetch_add(got.len() as u64, Ordering::SeqCst);
    }
    seen
}

#[test]
fn many_workers_share_a_queue_and_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("a runtime");
    let all = CLIENTS * BATCHES;
    let (name, namespace) = (QueueName::parse("q").expect("a name"), Namespace::default());
    runtime.block_on(async {
        let broker = open(dir.path()).await;
        let new = NewQueue {
            namespace: namespace.clone(),
            name: name.clone(),
            settings: QueueSettings::default(),
            cooldown: Duration::ZERO,
        };
        let queue = broker.queues().create(new).await.expect("the queue is made");
        let done = Arc::new(AtomicU64::new(0));
        let workers: Vec<_> =
            (0..CLIENTS).map(|_| tokio::spawn(worker(broker.clone(), queue.clone(), all, Arc::clone(&done)))).collect();
        let senders: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (broker, queue) = (broker.clone(), queue.clone());
                tokio::spawn(async move {
                    for n in 0..BATCHES {
                        let body = format!("{client} {n}").into();
                        let message = NewMessage { body, size: 8, ..NewMessage::default() };
                        let sent = broker.queues().send(&queue, vec![message]).await.expect("sent");
                        assert!(sent[0].is_ok());
                    }
                })
            })
            .collect();
        for sender in senders {
            sender.await.expect("the sender succeeds");
        }
        let mut seen = Vec::new();
        for worker in workers {
            seen.extend(worker.await.expect("the worker succeeds"));
        }
        seen.sort();
        let mut sent: Vec<_> = (0..CLIENTS).flat_map(|c| (0..BATCHES).map(move |n| format!("{c} {n}"))).collect();
        sent.sort();
        assert_eq!(seen, sent, "each message once");
        let message = NewMessage { body: "last".into(), size: 4, ..NewMessage::default() };
        broker.queues().send(&queue, vec![message]).await.expect("sent");
        broker.shutdown(Duration::from_secs(30)).await.expect("a clean stop");
    });
    runtime.block_on(async {
        let broker = open(dir.path()).await;
        let queue = broker.queues().get(&namespace, &name).expect("it is there");
        let stats = broker.queues().stats(&queue).await.expect("answered");
        assert_eq!((stats.ready, stats.in_flight), (1, 0));
        let wait = Duration::from_secs(20);
        let receive = Receive { max: 10, wait, consumer: "worker".into(), ..Receive::default() };
        let got = broker.queues().receive(&queue, receive).await.expect("received");
        assert_eq!((got.len(), &got[0].message.body[..]), (1, &b"last"[..]));
        broker.shutdown(Duration::from_secs(30)).await.expect("a clean stop");
    });
}
