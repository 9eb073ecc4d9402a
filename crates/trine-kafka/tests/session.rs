//! Connections: order, pipelining, bounds, bad input.

mod common;

use std::time::Duration;

use common::{Client, PATIENCE, Server, batch, create, decode, encode, fetch, frame, produce};
use kafka_wire::{FetchResponse, HeartbeatRequest, MetadataRequest, ProduceResponse};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use trine_kafka::{
    KafkaConfig,
    wire::{Api, ApiKey},
};
use trine_net::Phase;
use trine_records::Codec;

fn api(key: ApiKey) -> &'static Api {
    Api::of(key)
}

/// A parked fetch delays neither the append behind it nor its own answer when that append arrives.
#[tokio::test]
async fn answers_keep_their_order_while_requests_go_ahead() {
    let server = Server::start().await;
    let mut client = server.client().await;
    create(&mut client, "t", 1, &[]).await;
    let parked = client.send(api(ApiKey::Fetch), 11, &encode(&fetch("t", 0, 0, 20_000), 11)).await;
    let produced =
        client.send(api(ApiKey::Produce), 8, &encode(&produce("t", 0, -1, batch(Codec::None, &["a"])), 8)).await;
    let heard = client.send(api(ApiKey::Heartbeat), 3, &encode(&HeartbeatRequest::default(), 3)).await;

    let (id, body) = client.receive().await.unwrap();
    assert_eq!(id, parked);
    let fetched: FetchResponse = decode(api(ApiKey::Fetch), 11, body);
    assert!(!fetched.responses[0].partitions[0].records.as_ref().unwrap().is_empty(), "woken by what came behind it");
    let (id, body) = client.receive().await.unwrap();
    assert_eq!(id, produced);
    let answer: ProduceResponse = decode(api(ApiKey::Produce), 8, body);
    assert_eq!(answer.responses[0].partition_responses[0].base_offset, 0);
    assert_eq!(client.receive().await.unwrap().0, heard);
}

/// Appends of one connection are in the log in the order in which they were sent, however many are in flight.
#[tokio::test]
async fn appends_keep_their_order() {
    let server = Server::start().await;
    let mut client = server.client().await;
    create(&mut client, "t", 1, &[]).await;
    const REQUESTS: i64 = 300;
    let mut all = Vec::new();
    for i in 0..REQUESTS {
        let body = encode(&produce("t", 0, 1, batch(Codec::None, &[&i.to_string()])), 7);
        all.extend_from_slice(&frame(api(ApiKey::Produce), 7, i as i32, &body));
    }
    let (mut read, mut write) = client.stream.split();
    let send = write.write_all(&all);
    let receive = async {
        for i in 0..REQUESTS {
            let len = read.read_u32().await.unwrap();
            let mut body = vec![0; len as usize];
            read.read_exact(&mut body).await.unwrap();
            assert_eq!(i64::from(i32::from_be_bytes(body[..4].try_into().unwrap())), i);
            let answer: ProduceResponse = decode(api(ApiKey::Produce), 7, body[4..].to_vec().into());
            assert_eq!(answer.responses[0].partition_responses[0].base_offset, i);
        }
    };
    let (sent, ()) = tokio::time::timeout(PATIENCE, async { tokio::join!(send, receive) }).await.unwrap();
    sent.unwrap();
}

#[tokio::test]
async fn without_acks_there_is_no_answer_and_an_error_closes() {
    let server = Server::start().await;
    let mut client = server.client().await;
    create(&mut client, "t", 1, &[]).await;
    client.send(api(ApiKey::Produce), 7, &encode(&produce("t", 0, 0, batch(Codec::None, &["a"])), 7)).await;
    let next = client.send(api(ApiKey::Metadata), 1, &encode(&MetadataRequest::default(), 1)).await;
    assert_eq!(client.receive().await.unwrap().0, next, "the first answer is the second request's");
    assert_eq!(server.broker.catalog().topic("t").unwrap().partition(0).unwrap().view().end(), 1);
    client.send(api(ApiKey::Produce), 7, &encode(&produce("t", 9, 0, batch(Codec::None, &["a"])), 7)).await;
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn bad_input_costs_its_sender_the_connection_and_nobody_else() {
    let server = Server::start().await;
    let mut good = server.client().await;
    let frames: Vec<(&str, Vec<u8>)> = vec![
        ("a negative length", vec![0xff; 4]),
        ("a length beyond the limit", i32::MAX.to_be_bytes().to_vec()),
        ("an empty frame", vec![0; 4]),
        ("TLS", vec![0x16, 3, 1, 2, 0, 1, 0, 1]),
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("an unknown API", [&10_i32.to_be_bytes()[..], &[0x7f, 0, 0, 0, 0, 0, 0, 1, 0, 0]].concat()),
        ("a version that is not served", frame(api(ApiKey::Produce), 2, 1, &[]).to_vec()),
        ("a truncated body", frame(api(ApiKey::Produce), 8, 1, &[0xff]).to_vec()),
        ("a huge count", frame(api(ApiKey::Metadata), 1, 1, &[0x7f, 0xff, 0xff, 0xff]).to_vec()),
        ("a huge compact count", frame(api(ApiKey::Metadata), 9, 1, &[0xff, 0xff, 0xff, 0xff, 0x0f]).to_vec()),
    ];
    for (what, bytes) in &frames {
        let mut bad = server.client().await;
        bad.stream.write_all(bytes).await.unwrap();
        assert!(bad.is_closed().await, "{what}");
        good.call(1, &MetadataRequest::default()).await;
    }
    assert_eq!(server.kafka.stats().malformed, frames.len() as u64);
}

#[tokio::test]
async fn what_was_answered_before_an_error_is_still_written() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let id = client.send(api(ApiKey::Metadata), 1, &encode(&MetadataRequest::default(), 1)).await;
    client.stream.write_all(&[0xff; 4]).await.unwrap();
    // The answer may be on its way when the error is seen; it comes whole or not at all.
    if let Some((answered, _)) = client.receive().await {
        assert_eq!(answered, id);
    }
    assert!(client.is_closed().await);
}

/// Frames arrive in whatever pieces the network likes.
#[tokio::test]
async fn requests_arrive_byte_by_byte() {
    let server = Server::start().await;
    let mut client = server.client().await;
    for id in 0..3 {
        for byte in frame(api(ApiKey::ApiVersions), 0, id, &[]).chunks(1) {
            client.stream.write_all(byte).await.unwrap();
            client.stream.flush().await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!(client.receive().await.unwrap().0, id);
    }
}

/// A request of several megabytes waits for its share of memory and gets it.
#[tokio::test]
async fn large_requests_share_a_budget() {
    let config = KafkaConfig { request_memory_max: 1 << 20, ..KafkaConfig::default() };
    let server = Server::with(config, trine_broker::Access::allow_all()).await;
    let mut client = server.client().await;
    create(&mut client, "t", 1, &[("max.message.bytes", "10000000")]).await;
    let value = "x".repeat(3 << 20);
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = server.client().await;
        let body = encode(&produce("t", 0, -1, batch(Codec::None, &[&value])), 9);
        clients.push(tokio::spawn(async move {
            client.send(api(ApiKey::Produce), 9, &body).await;
            client.receive().await.unwrap()
        }));
    }
    for client in clients {
        let (_, body) = client.await.unwrap();
        let answer: ProduceResponse = decode(api(ApiKey::Produce), 9, body);
        assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
    }
    assert_eq!(server.kafka.stats().request_bytes, 0);
}

/// A client that begins a request and never ends it is closed; virtual time passes while nothing happens.
#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_is_not_waited_for() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.stream.write_all(&[0, 0, 0, 100, 0, 3]).await.unwrap();
    let started = tokio::time::Instant::now();
    let mut byte = [0];
    assert_eq!(client.stream.read(&mut byte).await.unwrap_or(0), 0);
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(30) && waited < Duration::from_secs(120), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_closed_when_its_time_is_over() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let started = tokio::time::Instant::now();
    let mut byte = [0];
    assert_eq!(client.stream.read(&mut byte).await.unwrap_or(0), 0);
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(600) && waited < Duration::from_secs(700), "{waited:?}");
}

/// A drain answers what waits, at once, and then closes.
#[tokio::test]
async fn a_drain_answers_parked_fetches() {
    let server = Server::start().await;
    let mut client = server.client().await;
    create(&mut client, "t", 1, &[]).await;
    let parked = client.send(api(ApiKey::Fetch), 11, &encode(&fetch("t", 0, 0, 600_000), 11)).await;
    while server.broker.stats().fetches_parked == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    server.drain.advance(Phase::Draining);
    let (id, body) = client.receive().await.unwrap();
    assert_eq!(id, parked);
    let answer: FetchResponse = decode(api(ApiKey::Fetch), 11, body);
    assert_eq!(answer.responses[0].partitions[0].error_code, 0);
    assert!(client.is_closed().await);
    tokio::time::timeout(PATIENCE, server.limit.idle()).await.unwrap();
}

/// A second fetch of a connection waits for the first, so that one connection never holds two answers.
#[tokio::test]
async fn one_fetch_at_a_time() {
    let server = Server::start().await;
    let mut client = server.client().await;
    create(&mut client, "t", 1, &[]).await;
    let body = encode(&fetch("t", 0, 0, 20_000), 11);
    let first = client.send(api(ApiKey::Fetch), 11, &body).await;
    let second = client.send(api(ApiKey::Fetch), 11, &body).await;
    while server.broker.stats().fetches_parked == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(server.broker.stats().fetches_parked, 1);
    let mut producer = server.client().await;
    producer.call(8, &produce("t", 0, 1, batch(Codec::None, &["a"]))).await;
    assert_eq!(client.receive().await.unwrap().0, first);
    assert_eq!(client.receive().await.unwrap().0, second);
    assert_eq!(server.kafka.stats().response_bytes, 0);
}

/// A client that sends and never reads is not read from any more, and costs bounded memory.
#[tokio::test]
async fn a_client_that_does_not_read_is_not_read_from() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let request = frame(api(ApiKey::ApiVersions), 0, 1, &[]);
    let many = request.repeat(10_000);
    let mut sent = 0;
    let stuck = loop {
        match tokio::time::timeout(Duration::from_millis(500), client.stream.write(&many)).await {
            Ok(Ok(n)) => sent += n,
            Ok(Err(error)) => panic!("closed: {error}"),
            Err(_) => break true,
        }
        if sent > 1 << 30 {
            break false;
        }
    };
    assert!(stuck, "the server read {sent} bytes of requests without an end");
    assert!(client_still_served(&server).await);
}

async fn client_still_served(server: &Server) -> bool {
    let mut client: Client = server.client().await;
    client.call(1, &MetadataRequest::default()).await.brokers.len() == 1
}
