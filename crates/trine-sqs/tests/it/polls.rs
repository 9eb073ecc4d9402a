//! Receives that wait.

use std::time::Duration;

use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream};
use trine_net::Phase;

use crate::server::{PATIENCE, Server, Wire, bodies, exchange, request};

/// Waits until so many receives wait in the queue.
async fn waiting(server: &Server, name: &str, count: u64) {
    let queue = server
        .broker
        .queues()
        .get(&trine_types::Namespace::default(), &trine_types::QueueName::parse(name).unwrap())
        .unwrap();
    let there = async {
        while server.broker.queues().stats(&queue).await.unwrap().waiters != count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, there).await.expect("nobody waits");
}

fn poll(server: &Server, wire: Wire, url: &str) -> Vec<u8> {
    request(server.addr, wire, "ReceiveMessage", &json!({ "QueueUrl": url, "WaitTimeSeconds": 20 }))
}

#[tokio::test]
async fn a_message_ends_the_wait() {
    let server = Server::start().await;
    let url = server.queue("q", json!({})).await;
    for wire in [Wire::Json, Wire::Query] {
        let (addr, bytes) = (server.addr, poll(&server, wire, &url));
        let parked = tokio::spawn(async move { exchange(addr, &bytes).await });
        waiting(&server, "q", 1).await;
        server.send(&url, "x").await;
        let answer = parked.await.unwrap();
        assert!(String::from_utf8(answer).unwrap().contains('x'));
    }
}

#[tokio::test]
async fn the_queues_own_wait_counts_when_none_is_given() {
    let server = Server::start().await;
    let url = server.queue("q", json!({ "ReceiveMessageWaitTimeSeconds": "20" })).await;
    let (addr, bytes) = (server.addr, request(server.addr, Wire::Json, "ReceiveMessage", &json!({ "QueueUrl": url })));
    let parked = tokio::spawn(async move { exchange(addr, &bytes).await });
    waiting(&server, "q", 1).await;
    // Message time ends it, too.
    server.advance(20).await;
    assert!(parked.await.unwrap().ends_with(b"{}"));
}

#[tokio::test]
async fn a_poll_whose_client_is_gone_takes_nothing() {
    let server = Server::start().await;
    let url = server.queue("q", json!({})).await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream.write_all(&poll(&server, Wire::Json, &url)).await.unwrap();
    waiting(&server, "q", 1).await;
    drop(stream);
    waiting(&server, "q", 0).await;
    server.send(&url, "x").await;
    let got = server.receive(&url).await;
    assert_eq!(bodies(&got), ["x"]);
    assert_eq!(got[0]["Attributes"]["ApproximateReceiveCount"], "1");
}

#[tokio::test]
async fn a_server_that_stops_answers_with_nothing() {
    let server = Server::start().await;
    let url = server.queue("q", json!({})).await;
    let (addr, bytes) = (server.addr, poll(&server, Wire::Json, &url));
    let parked = tokio::spawn(async move { exchange(addr, &bytes).await });
    waiting(&server, "q", 1).await;
    server.drain.advance(Phase::Draining);
    let answer = tokio::time::timeout(Duration::from_secs(15), parked).await.expect("the poll goes on").unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(b"{}"));
}

#[tokio::test]
async fn deleting_a_queue_ends_its_polls() {
    let server = Server::start().await;
    let url = server.queue("q", json!({})).await;
    let (addr, bytes) = (server.addr, poll(&server, Wire::Json, &url));
    let parked = tokio::spawn(async move { exchange(addr, &bytes).await });
    waiting(&server, "q", 1).await;
    server.ok(Wire::Json, "DeleteQueue", json!({ "QueueUrl": url })).await;
    let answer = parked.await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 400"));
    assert!(String::from_utf8(answer).unwrap().contains("QueueDoesNotExist"));
}

#[tokio::test]
async fn giving_back_wakes_a_poll() {
    let server = Server::start().await;
    let url = server.queue("q", json!({})).await;
    server.send(&url, "x").await;
    let got = server.receive(&url).await;
    let (addr, bytes) = (server.addr, poll(&server, Wire::Json, &url));
    let parked = tokio::spawn(async move { exchange(addr, &bytes).await });
    waiting(&server, "q", 1).await;
    let change = json!({ "QueueUrl": url, "ReceiptHandle": got[0]["ReceiptHandle"], "VisibilityTimeout": 0 });
    server.ok(Wire::Json, "ChangeMessageVisibility", change).await;
    assert!(String::from_utf8(parked.await.unwrap()).unwrap().contains("\"Body\":\"x\""));
}
