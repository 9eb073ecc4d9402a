//! FIFO queues: order, groups, deduplication, attempts.

use serde_json::{Value, json};

use crate::server::{BOTH, Server, Wire, bodies};

async fn fifo(server: &Server, more: Value) -> String {
    let mut attributes = json!({ "FifoQueue": "true" });
    attributes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.queue("q.fifo", attributes).await
}

fn message(url: &str, group: &str, dedup: &str, body: &str) -> Value {
    json!({ "QueueUrl": url, "MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": dedup })
}

#[tokio::test]
async fn a_group_stays_in_order_and_waits_for_its_head() {
    for wire in BOTH {
        let server = Server::start().await;
        let url = fifo(&server, json!({})).await;
        let mut numbers = Vec::new();
        for (group, body) in [("a", "1"), ("a", "2"), ("b", "3"), ("a", "4")] {
            numbers.push(server.ok(wire, "SendMessage", message(&url, group, body, body)).await.text("SequenceNumber"));
        }
        assert!(numbers.is_sorted() && numbers.iter().all(|n| n.len() == 20));
        let first = server.receive_with(&url, json!({ "MaxNumberOfMessages": 1 })).await;
        assert_eq!(bodies(&first), ["1"]);
        assert_eq!(first[0]["Attributes"]["SequenceNumber"], json!(numbers[0]));
        assert_eq!(first[0]["Attributes"]["MessageGroupId"], "a");
        assert_eq!(first[0]["Attributes"]["MessageDeduplicationId"], "1");
        assert_eq!(bodies(&server.receive(&url).await), ["3"]);
        let delete = json!({ "QueueUrl": url, "ReceiptHandle": first[0]["ReceiptHandle"] });
        server.ok(wire, "DeleteMessage", delete).await;
        assert_eq!(bodies(&server.receive(&url).await), ["2", "4"]);
    }
}

#[tokio::test]
async fn duplicates_within_five_minutes_are_one_message() {
    for wire in BOTH {
        let server = Server::start().await;
        let url = fifo(&server, json!({})).await;
        let first = server.ok(wire, "SendMessage", message(&url, "g", "d", "x")).await;
        server.advance(299).await;
        let again = server.ok(wire, "SendMessage", message(&url, "h", "d", "y")).await;
        assert_eq!(again.text("MessageId"), first.text("MessageId"));
        assert_eq!(again.text("SequenceNumber"), first.text("SequenceNumber"));
        assert_eq!(bodies(&server.receive(&url).await), ["x"]);
        server.advance(1).await;
        let later = server.ok(wire, "SendMessage", message(&url, "h", "d", "y")).await;
        assert_ne!(later.text("MessageId"), first.text("MessageId"));
        let twice = json!({ "QueueUrl": url, "Entries": [
            { "Id": "a", "MessageBody": "z", "MessageGroupId": "g", "MessageDeduplicationId": "e" },
            { "Id": "b", "MessageBody": "z", "MessageGroupId": "g", "MessageDeduplicationId": "e" },
        ] });
        let ids = server.ok(wire, "SendMessageBatch", twice).await.texts("MessageId");
        assert_eq!(ids[0], ids[1]);
    }
}

#[tokio::test]
async fn the_hash_of_the_body_serves_as_id_when_told_so() {
    let server = Server::start().await;
    let url = fifo(&server, json!({ "ContentBasedDeduplication": "true" })).await;
    let send = json!({ "QueueUrl": url, "MessageBody": "abc", "MessageGroupId": "g" });
    for wire in BOTH {
        server.ok(wire, "SendMessage", send.clone()).await;
    }
    let got = server.receive(&url).await;
    assert_eq!(bodies(&got), ["abc"]);
    assert_eq!(
        got[0]["Attributes"]["MessageDeduplicationId"],
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[tokio::test]
async fn an_expired_handle_deletes_nothing() {
    for wire in BOTH {
        let server = Server::start().await;
        let url = fifo(&server, json!({ "VisibilityTimeout": "1" })).await;
        server.ok(wire, "SendMessage", message(&url, "g", "d", "x")).await;
        let handle = server.receive(&url).await[0]["ReceiptHandle"].as_str().unwrap().to_owned();
        server.advance(1).await;
        let delete = json!({ "QueueUrl": url, "ReceiptHandle": handle });
        assert_eq!(
            server.fails(wire, "DeleteMessage", delete).await,
            (
                "InvalidParameterValue".to_owned(),
                format!(
                    "Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
                )
            )
        );
        let got = server.receive(&url).await;
        assert_eq!(bodies(&got), ["x"]);
        let delete = json!({ "QueueUrl": url, "ReceiptHandle": got[0]["ReceiptHandle"] });
        server.ok(wire, "DeleteMessage", delete.clone()).await;
        server.ok(wire, "DeleteMessage", delete).await;
    }
}

#[tokio::test]
async fn a_repeated_attempt_gets_the_same_messages() {
    let server = Server::start().await;
    let url = fifo(&server, json!({})).await;
    for body in ["1", "2"] {
        server.ok(Wire::Json, "SendMessage", message(&url, "g", body, body)).await;
    }
    let attempt = json!({ "ReceiveRequestAttemptId": "try", "MaxNumberOfMessages": 1 });
    let first = server.receive_with(&url, attempt.clone()).await;
    let again = server.receive_with(&url, attempt.clone()).await;
    assert_eq!(bodies(&first), ["1"]);
    assert_eq!(first[0]["ReceiptHandle"], again[0]["ReceiptHandle"]);
    server
        .ok(Wire::Json, "DeleteMessage", json!({ "QueueUrl": url, "ReceiptHandle": first[0]["ReceiptHandle"] }))
        .await;
    assert_eq!(bodies(&server.receive_with(&url, attempt).await), ["2"]);
    for wire in BOTH {
        let bad = json!({ "QueueUrl": url, "ReceiveRequestAttemptId": "a b" });
        assert_eq!(server.fails(wire, "ReceiveMessage", bad).await.0, "InvalidParameterValue");
    }
    let standard = server.queue("standard", json!({})).await;
    assert!(server.receive_with(&standard, json!({ "ReceiveRequestAttemptId": "a b" })).await.is_empty());
}

#[tokio::test]
async fn a_purge_forgets_ids() {
    let server = Server::start().await;
    let url = fifo(&server, json!({})).await;
    let first = server.ok(Wire::Json, "SendMessage", message(&url, "g", "d", "x")).await.text("MessageId");
    server.ok(Wire::Json, "PurgeQueue", json!({ "QueueUrl": url })).await;
    let second = server.ok(Wire::Json, "SendMessage", message(&url, "g", "d", "x")).await.text("MessageId");
    assert_ne!(first, second);
    assert_eq!(server.receive(&url).await.len(), 1);
}

/// As with the service: the scope that is set later is shown and changes nothing.
#[tokio::test]
async fn ids_have_the_scope_that_the_queue_was_made_with() {
    let server = Server::start().await;
    let url = fifo(&server, json!({})).await;
    let first = server.ok(Wire::Json, "SendMessage", message(&url, "g", "d", "x")).await;
    let per_group = json!({ "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId" });
    server.ok(Wire::Json, "SetQueueAttributes", json!({ "QueueUrl": url, "Attributes": per_group })).await;
    let again = server.ok(Wire::Json, "SendMessage", message(&url, "h", "d", "y")).await;
    assert_eq!(again.text("MessageId"), first.text("MessageId"));
}
