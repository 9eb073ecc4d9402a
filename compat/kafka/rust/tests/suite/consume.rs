use std::time::{Duration, Instant};

use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::FutureRecord;
use rdkafka::{Message, Offset, TopicPartitionList};
use trine_compat_rdkafka::{
    PATIENCE, admin, config, fill, now_ms, options, poll_error, producer, read_all, reader, send, take, topic, unique,
};

pub async fn trim(admin: &AdminClient<DefaultClientContext>, topic: &str, offset: Offset) -> Result<Offset, KafkaError> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, offset).expect("a valid offset");
    let answer = admin.delete_records(&list, &options()).await.expect("delete records");
    let element = answer.find_partition(topic, 0).expect("an answer");
    element.error().map(|()| element.offset())
}

#[tokio::test]
async fn a_seek_into_a_batch_starts_at_that_offset() {
    let topic = topic("mid-batch", 1, &[]).await;
    fill(&topic, 0, 100).await;
    let consumer = reader(&[(&topic, 0, Offset::Offset(57))], &[]);
    let messages = take(&consumer, 43);
    assert_eq!(messages[0].offset(), 57);
    assert_eq!(messages[0].payload(), Some(&b"v57"[..]));
    consumer.seek(&topic, 0, Offset::Offset(99), PATIENCE).expect("seek");
    assert_eq!(take(&consumer, 1)[0].payload(), Some(&b"v99"[..]));
    let tail = reader(&[(&topic, 0, Offset::OffsetTail(5))], &[]);
    assert_eq!(take(&tail, 5)[0].offset(), 95);
}

#[tokio::test]
async fn offsets_by_timestamp_and_watermarks() {
    let topic = topic("times", 2, &[]).await;
    let base = now_ms() - 3_600_000;
    let producer = producer(&[("linger.ms", "0")]);
    for i in 0..100_i64 {
        let value = i.to_string();
        let record = FutureRecord::<[u8], [u8]>::to(&topic)
            .partition(0)
            .payload(value.as_bytes())
            .timestamp(base + i * 1000);
        send(&producer, record).await.expect("delivered");
    }
    let consumer = reader(&[], &[]);
    assert_eq!(consumer.fetch_watermarks(&topic, 0, PATIENCE).expect("watermarks"), (0, 100));
    assert_eq!(consumer.fetch_watermarks(&topic, 1, PATIENCE).expect("watermarks"), (0, 0));
    for (timestamp, offset) in [
        (0, Offset::Offset(0)),
        (base, Offset::Offset(0)),
        (base + 9_000, Offset::Offset(9)),
        (base + 42_001, Offset::Offset(43)),
        (base + 99_000, Offset::Offset(99)),
        (base + 99_001, Offset::End),
    ] {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&topic, 0, Offset::Offset(timestamp))
            .expect("a valid offset");
        let answer = consumer.offsets_for_times(list, PATIENCE).expect("offsets for times");
        assert_eq!(
            answer.find_partition(&topic, 0).expect("an answer").offset(),
            offset,
            "at {timestamp}"
        );
    }
    let from = take(&reader(&[(&topic, 0, Offset::Offset(42))], &[]), 58);
    assert_eq!(from[0].payload(), Some(&b"42"[..]));
}

#[tokio::test]
async fn byte_limits_below_one_batch_still_make_progress() {
    let topic = topic("tiny-fetch", 2, &[]).await;
    for _ in 0..3 {
        fill(&topic, 0, 20).await;
        fill(&topic, 1, 20).await;
    }
    let consumer = reader(
        &[(&topic, 0, Offset::Beginning), (&topic, 1, Offset::Beginning)],
        &[
            ("fetch.message.max.bytes", "1"),
            ("fetch.max.bytes", "1000"),
            ("message.max.bytes", "1000"),
        ],
    );
    take(&consumer, 120);
}

#[tokio::test]
async fn a_waiting_fetch_is_woken_by_a_record() {
    let topic = topic("wake", 1, &[]).await;
    let consumer = reader(&[(&topic, 0, Offset::Beginning)], &[("fetch.wait.max.ms", "8000")]);
    assert!(consumer.poll(Duration::from_secs(1)).is_none());
    fill(&topic, 0, 1).await;
    let acknowledged = Instant::now();
    take(&consumer, 1);
    assert!(
        acknowledged.elapsed() < Duration::from_secs(3),
        "came after {:?}",
        acknowledged.elapsed()
    );
}

#[tokio::test]
async fn read_committed_sees_plain_records() {
    let topic = topic("committed", 1, &[]).await;
    fill(&topic, 0, 30).await;
    for level in ["read_committed", "read_uncommitted"] {
        take(&reader(&[(&topic, 0, Offset::Beginning)], &[("isolation.level", level)]), 30);
    }
}

#[tokio::test]
async fn offsets_outside_the_log() {
    let topic = topic("out-of-range", 1, &[]).await;
    fill(&topic, 0, 20).await;
    assert_eq!(trim(&admin(), &topic, Offset::Offset(10)).await, Ok(Offset::Offset(10)));
    for outside in [5, 30] {
        let strict = reader(&[(&topic, 0, Offset::Offset(outside))], &[("auto.offset.reset", "error")]);
        poll_error(&strict, RDKafkaErrorCode::AutoOffsetReset);
    }
    let lenient = reader(&[(&topic, 0, Offset::Offset(5))], &[("auto.offset.reset", "earliest")]);
    assert_eq!(take(&lenient, 10)[0].offset(), 10);
    assert_eq!(read_all(&topic, 1, 10)[0].offset(), 10);
}

#[tokio::test]
async fn the_end_of_a_partition_is_reported() {
    let topic = topic("eof", 1, &[]).await;
    fill(&topic, 0, 5).await;
    let consumer = reader(&[(&topic, 0, Offset::Beginning)], &[("enable.partition.eof", "true")]);
    take(&consumer, 5);
    match consumer.poll(PATIENCE) {
        Some(Err(KafkaError::PartitionEOF(0))) => {}
        other => panic!("wanted the end, got {other:?}"),
    }
}

#[tokio::test]
async fn unknown_topics_are_reported() {
    let name = unique("unknown");
    let consumer: BaseConsumer = config(&[("group.id", &name), ("allow.auto.create.topics", "false")])
        .create()
        .expect("a consumer");
    consumer.subscribe(&[&name]).expect("subscribe");
    poll_error(&consumer, RDKafkaErrorCode::UnknownTopicOrPartition);
}
