use std::collections::HashMap;
use std::time::Duration;

use rdkafka::Message;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header, Headers, OwnedHeaders, Timestamp};
use rdkafka::producer::FutureRecord;
use trine_compat_rdkafka::{fill, now_ms, producer, read_all, send, topic, unique};

async fn round_trip(codec: &str, idempotent: &str) {
    const COUNT: usize = 600;
    let topic = topic(&format!("codec-{codec}"), 3, &[]).await;
    let base = now_ms() - 3_600_000;
    // Without idempotence a retry may overtake: then only one request at a time keeps the order.
    let in_flight = if idempotent == "true" { "5" } else { "1" };
    let producer = producer(&[
        ("compression.type", codec),
        ("enable.idempotence", idempotent),
        ("max.in.flight.requests.per.connection", in_flight),
        ("acks", "all"),
        ("linger.ms", "5"),
    ]);
    let records: Vec<_> = (0..COUNT)
        .map(|i| {
            (
                format!("key-{}", i % 17),
                format!("value {i} {}", "x".repeat(i % 200)),
                i.to_string(),
            )
        })
        .collect();
    let sent: Vec<_> = records
        .iter()
        .enumerate()
        .map(|(i, (key, value, n))| {
            let headers = OwnedHeaders::new()
                .insert(Header {
                    key: "n",
                    value: Some(n),
                })
                .insert(Header {
                    key: "twice",
                    value: Some("a"),
                })
                .insert(Header {
                    key: "twice",
                    value: Some("b"),
                })
                .insert(Header {
                    key: "null",
                    value: None::<&str>,
                })
                .insert(Header {
                    key: "empty",
                    value: Some(""),
                });
            let record = FutureRecord::to(&topic)
                .key(key)
                .payload(value)
                .timestamp(base + i as i64)
                .headers(headers);
            producer.send_result(record).map_err(|(error, _)| error).expect("queued")
        })
        .collect();
    let mut next: HashMap<i32, i64> = HashMap::new();
    for one in sent {
        let delivery = one.await.expect("not cancelled").expect("delivered");
        let next = next.entry(delivery.partition).or_insert(0);
        assert_eq!(delivery.offset, *next);
        *next += 1;
    }

    let mut last: HashMap<Vec<u8>, usize> = HashMap::new();
    for message in read_all(&topic, 3, COUNT) {
        let headers = message.headers().expect("headers");
        let all: Vec<_> = headers.iter().map(|h| (h.key, h.value)).collect();
        let n = std::str::from_utf8(all[0].1.expect("a value")).expect("text");
        let i: usize = n.parse().expect("a number");
        let (key, value, _) = &records[i];
        assert_eq!(message.key(), Some(key.as_bytes()));
        assert_eq!(message.payload(), Some(value.as_bytes()));
        assert_eq!(message.timestamp(), Timestamp::CreateTime(base + i as i64));
        assert_eq!(
            all,
            [
                ("n", Some(n.as_bytes())),
                ("twice", Some(&b"a"[..])),
                ("twice", Some(&b"b"[..])),
                ("null", None),
                ("empty", Some(&b""[..])),
            ]
        );
        if let Some(before) = last.insert(key.clone().into_bytes(), i) {
            assert!(before < i, "order of {key}: {before} then {i}");
        }
    }
}

macro_rules! codecs {
    ($($name:ident: $codec:literal, $idempotent:literal;)*) => {$(
        #[tokio::test]
        async fn $name() {
            round_trip($codec, $idempotent).await;
        }
    )*};
}

codecs! {
    none_idempotent: "none", "true";
    gzip_idempotent: "gzip", "true";
    snappy_idempotent: "snappy", "true";
    lz4_idempotent: "lz4", "true";
    zstd_idempotent: "zstd", "true";
    none_plain: "none", "false";
    gzip_plain: "gzip", "false";
    snappy_plain: "snappy", "false";
    lz4_plain: "lz4", "false";
    zstd_plain: "zstd", "false";
}

#[tokio::test]
async fn every_acks_level_is_stored() {
    for acks in ["0", "1", "all"] {
        let topic = topic("acks", 1, &[]).await;
        let producer = producer(&[("acks", acks), ("linger.ms", "0")]);
        for i in 0..20 {
            let value = format!("{i}");
            send(&producer, FutureRecord::to(&topic).payload(value.as_bytes()))
                .await
                .expect("delivered");
        }
        let values: Vec<_> = read_all(&topic, 1, 20)
            .iter()
            .map(|m| m.payload().expect("a value").to_vec())
            .collect();
        assert_eq!(values, (0..20).map(|i| format!("{i}").into_bytes()).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn null_and_empty_keys_and_values() {
    let topic = topic("nulls", 1, &[]).await;
    let producer = producer(&[("linger.ms", "0")]);
    let parts: [Option<&[u8]>; 3] = [None, Some(b""), Some(b"x")];
    for key in parts {
        for payload in parts {
            send(
                &producer,
                FutureRecord {
                    key,
                    payload,
                    ..FutureRecord::to(&topic)
                },
            )
            .await
            .expect("delivered");
        }
    }
    for (i, message) in read_all(&topic, 1, 9).iter().enumerate() {
        assert_eq!((message.key(), message.payload()), (parts[i / 3], parts[i % 3]), "record {i}");
    }
}

#[tokio::test]
async fn many_small_batches_stay_in_order() {
    const COUNT: i64 = 5000;
    let topic = topic("inflight", 1, &[]).await;
    let producer = producer(&[
        ("enable.idempotence", "true"),
        ("batch.num.messages", "7"),
        ("linger.ms", "0"),
    ]);
    let values: Vec<_> = (0..COUNT).map(|i| i.to_string()).collect();
    let sent: Vec<_> = values
        .iter()
        .map(|value| {
            let record = FutureRecord::<(), _>::to(&topic).partition(0).payload(value);
            producer.send_result(record).map_err(|(error, _)| error).expect("queued")
        })
        .collect();
    for (i, one) in sent.into_iter().enumerate() {
        assert_eq!(one.await.expect("not cancelled").expect("delivered").offset, i as i64);
    }
    for (message, value) in read_all(&topic, 1, COUNT as usize).iter().zip(&values) {
        assert_eq!(message.payload(), Some(value.as_bytes()));
    }
}

#[tokio::test]
async fn messages_up_to_the_limit_and_no_further() {
    // Kafka's default max.message.bytes, and a batch header (61) with the fields around one record without key.
    const LIMIT: usize = 1_048_588;
    const OVERHEAD: usize = 61 + 3 + 1 + 1 + 1 + 1 + 3 + 1;
    let topic = topic("large", 1, &[]).await;
    let producer = producer(&[("message.max.bytes", "4000000"), ("linger.ms", "0")]);
    let mut largest = vec![0u8; LIMIT - OVERHEAD];
    largest[LIMIT - OVERHEAD - 1] = 7;
    let record = |value| FutureRecord::to(&topic).partition(0).payload(value);
    assert_eq!(send(&producer, record(&largest[..])).await, Ok((0, 0)));
    let larger = vec![0u8; largest.len() + 1];
    assert_eq!(
        send(&producer, record(&larger[..])).await,
        Err(RDKafkaErrorCode::MessageSizeTooLarge)
    );
    assert_eq!(send(&producer, record(&b"after"[..])).await, Ok((0, 1)));
    let messages = read_all(&topic, 1, 2);
    assert_eq!(messages[0].payload(), Some(&largest[..]));
    assert_eq!(messages[1].payload(), Some(&b"after"[..]));
}

#[tokio::test]
async fn log_append_time_replaces_the_timestamp() {
    let topic = topic("append-time", 1, &[("message.timestamp.type", "LogAppendTime")]).await;
    let before = now_ms();
    let record = FutureRecord::<[u8], [u8]>::to(&topic).payload(&b"x"[..]).timestamp(1000);
    send(&producer(&[]), record).await.expect("delivered");
    match read_all(&topic, 1, 1)[0].timestamp() {
        Timestamp::LogAppendTime(at) => assert!(at >= before, "{at} before {before}"),
        other => panic!("timestamp {other:?}"),
    }
}

#[tokio::test]
async fn refused_records_name_the_reason() {
    let short = producer(&[("linger.ms", "0"), ("message.timeout.ms", "15000")]);
    let to = |topic| FutureRecord::<[u8], [u8]>::to(topic).payload(&b"x"[..]);
    assert_eq!(send(&short, to("no/slash")).await, Err(RDKafkaErrorCode::InvalidTopic));
    let one = topic("one", 1, &[]).await;
    assert_eq!(
        send(&short, to(&one).partition(7)).await,
        Err(RDKafkaErrorCode::UnknownPartition)
    );
    let compacted = topic("compact", 1, &[("cleanup.policy", "compact")]).await;
    assert_eq!(send(&short, to(&compacted)).await, Err(RDKafkaErrorCode::InvalidRecord));
    let future = topic("future", 1, &[]).await;
    let late = now_ms() + i64::try_from(Duration::from_secs(7200).as_millis()).expect("small");
    assert_eq!(
        send(&short, to(&future).timestamp(late)).await,
        Err(RDKafkaErrorCode::InvalidTimestamp)
    );
}

#[tokio::test]
async fn first_produce_creates_the_topic() {
    let topic = unique("auto");
    send(
        &producer(&[]),
        FutureRecord::<[u8], [u8]>::to(&topic).partition(0).payload(&b"x"[..]),
    )
    .await
    .expect("delivered");
    assert_eq!(read_all(&topic, 1, 1)[0].payload(), Some(&b"x"[..]));
    fill(&topic, 0, 3).await;
}
