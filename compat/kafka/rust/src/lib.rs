//! Stock librdkafka (through the rdkafka crate) against the server at `TRINE_KAFKA`: what every test repeats.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedMessage;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

/// Long enough for a group's initial delay and a rebalance on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// A client configuration with the bootstrap address and these settings.
pub fn config(settings: &[(&str, &str)]) -> ClientConfig {
    let address = std::env::var("TRINE_KAFKA").expect("set TRINE_KAFKA to host:port");
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address);
    if let Ok(debug) = std::env::var("TRINE_COMPAT_LOG") {
        config.set("debug", debug);
    }
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config
}

/// A name no other test or suite uses.
pub fn unique(what: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(
        "rust-{what}-{:x}-{count}",
        now_ms() * 1000 + i64::from(std::process::id() % 1000)
    )
}

/// Milliseconds since the epoch.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(since.as_millis()).expect("a clock before the year 292 million")
}

pub fn admin() -> AdminClient<DefaultClientContext> {
    config(&[]).create().expect("an admin client")
}

pub fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(Duration::from_secs(15)))
}

/// Creates a topic and waits until the server lists all of its partitions.
pub async fn topic(what: &str, partitions: i32, configs: &[(&str, &str)]) -> String {
    let name = unique(what);
    let mut new = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
    for (key, value) in configs {
        new = new.set(key, value);
    }
    let admin = admin();
    let results = admin.create_topics([&new], &options()).await.expect("create topics");
    assert_eq!(results, [Ok(name.clone())]);
    eventually("the topic is listed", || partitions_of(&admin, &name) == partitions as usize);
    name
}

pub fn partitions_of(admin: &AdminClient<DefaultClientContext>, topic: &str) -> usize {
    let metadata = admin.inner().fetch_metadata(Some(topic), PATIENCE).expect("metadata");
    metadata.topics()[0].partitions().len()
}

pub fn producer(settings: &[(&str, &str)]) -> FutureProducer {
    config(settings).create().expect("a producer")
}

/// Sends one record and returns (partition, offset), or the error the server gave.
pub async fn send<'a>(producer: &FutureProducer, record: FutureRecord<'a, [u8], [u8]>) -> Result<(i32, i64), RDKafkaErrorCode> {
    match producer.send(record, PATIENCE).await {
        Ok(delivery) => Ok((delivery.partition, delivery.offset)),
        Err((error, _)) => Err(error.rdkafka_error_code().expect("a protocol error")),
    }
}

/// Sends `count` records k0…, v0… to one partition.
pub async fn fill(topic: &str, partition: i32, count: usize) {
    let producer = producer(&[("linger.ms", "20")]);
    let records: Vec<_> = (0..count).map(|i| (format!("k{i}"), format!("v{i}"))).collect();
    let sent: Vec<_> = records
        .iter()
        .map(|(key, value)| {
            let record = FutureRecord::to(topic).partition(partition).key(key).payload(value);
            producer.send_result(record).map_err(|(error, _)| error).expect("queued")
        })
        .collect();
    for one in sent {
        one.await.expect("not cancelled").expect("delivered");
    }
}

/// Fills every partition.
pub async fn fill_all(topic: &str, partitions: i32, count: usize) {
    for partition in 0..partitions {
        fill(topic, partition, count).await;
    }
}

/// A consumer assigned to these partitions at these offsets, outside any group.
pub fn reader(assignment: &[(&str, i32, Offset)], settings: &[(&str, &str)]) -> BaseConsumer {
    let mut all = vec![
        ("group.id", "unused"),
        ("enable.auto.commit", "false"),
        ("fetch.wait.max.ms", "100"),
    ];
    all.extend_from_slice(settings);
    let consumer: BaseConsumer = config(&all).create().expect("a consumer");
    let mut list = TopicPartitionList::new();
    for (topic, partition, offset) in assignment {
        list.add_partition_offset(topic, *partition, *offset).expect("a valid offset");
    }
    consumer.assign(&list).expect("assign");
    consumer
}

/// Polls until `count` records came; an error of the client fails the test.
pub fn take(consumer: &BaseConsumer, count: usize) -> Vec<OwnedMessage> {
    let end = Instant::now() + PATIENCE;
    let mut messages = Vec::new();
    while messages.len() < count {
        assert!(Instant::now() < end, "only {} of {count} records came", messages.len());
        if let Some(message) = consumer.poll(Duration::from_millis(200)) {
            messages.push(message.expect("a record").detach());
        }
    }
    messages
}

/// All records of a topic from its start.
pub fn read_all(topic: &str, partitions: i32, count: usize) -> Vec<OwnedMessage> {
    let assignment: Vec<_> = (0..partitions).map(|p| (topic, p, Offset::Beginning)).collect();
    take(&reader(&assignment, &[]), count)
}

/// Polls until the client reports this error.
pub fn poll_error(consumer: &BaseConsumer, wanted: RDKafkaErrorCode) {
    eventually(&format!("the error {wanted:?}"), || {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Err(KafkaError::MessageConsumption(code) | KafkaError::MessageConsumptionFatal(code))) => {
                assert_eq!(code, wanted);
                true
            }
            Some(other) => panic!("wanted {wanted:?}, got {other:?}"),
            None => false,
        }
    });
}

pub fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if check() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("never came true: {what}");
}

/// What the members of a group received, in order of arrival.
pub type Inbox = Arc<Mutex<Vec<OwnedMessage>>>;

pub fn received(inbox: &Inbox) -> usize {
    inbox.lock().expect("inbox").len()
}

/// Every offset of every partition came exactly once and in order.
pub fn assert_complete(inbox: &Inbox, partitions: usize, per_partition: i64) {
    let mut next: HashMap<i32, i64> = HashMap::new();
    for message in inbox.lock().expect("inbox").iter() {
        let next = next.entry(message.partition()).or_insert(0);
        assert_eq!(message.offset(), *next, "offset of partition {}", message.partition());
        *next += 1;
    }
    assert_eq!(next.len(), partitions);
    assert!(next.values().all(|n| *n == per_partition), "records per partition: {next:?}");
}

/// A consumer of a group on a thread of its own; it commits automatically, and what is left when it stops.
pub struct Member {
    owned: Arc<Mutex<Vec<i32>>>,
    running: Arc<AtomicBool>,
    error: Arc<Mutex<Option<KafkaError>>>,
    thread: Option<JoinHandle<()>>,
}

impl Member {
    pub fn join(group: &str, topic: &str, inbox: &Inbox, settings: &[(&str, &str)]) -> Member {
        let mut all = vec![
            ("group.id", group),
            ("auto.offset.reset", "earliest"),
            ("auto.commit.interval.ms", "200"),
            ("session.timeout.ms", "10000"),
            ("heartbeat.interval.ms", "300"),
            ("fetch.wait.max.ms", "100"),
        ];
        all.extend_from_slice(settings);
        let consumer: BaseConsumer = config(&all).create().expect("a consumer");
        consumer.subscribe(&[topic]).expect("subscribe");
        let mut member = Member {
            owned: Arc::default(),
            running: Arc::new(AtomicBool::new(true)),
            error: Arc::default(),
            thread: None,
        };
        let (owned, running, error, inbox) = (
            member.owned.clone(),
            member.running.clone(),
            member.error.clone(),
            inbox.clone(),
        );
        let thread = std::thread::spawn(move || {
            while running.load(Ordering::Acquire) {
                match consumer.poll(Duration::from_millis(50)) {
                    Some(Ok(message)) => inbox.lock().expect("inbox").push(message.detach()),
                    Some(Err(e)) => *error.lock().expect("error") = Some(e),
                    None => {}
                }
                let now = consumer.assignment().expect("assignment");
                *owned.lock().expect("owned") = now.elements().iter().map(|e| e.partition()).collect();
            }
            // Nothing to commit is no error here; anything else shows in what a later member receives.
            let _ = consumer.commit_consumer_state(CommitMode::Sync);
        });
        member.thread = Some(thread);
        member
    }

    pub fn owned(&self) -> Vec<i32> {
        self.owned.lock().expect("owned").clone()
    }

    pub fn owns(&self, partitions: usize) -> bool {
        self.owned().len() == partitions
    }

    pub fn error(&self) -> Option<KafkaError> {
        self.error.lock().expect("error").clone()
    }

    /// Stops polling and closes the consumer; a dynamic member says LeaveGroup.
    pub fn leave(&mut self) {
        self.running.store(false, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the member's thread");
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.running.store(false, Ordering::Release);
    }
}
