//! Move tasks.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::server::{BOTH, Server, Wire, bodies};

fn arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

/// A dead-letter queue with messages in it, and the queue they came from.
async fn dead_letters(server: &Server, count: usize) -> (String, String) {
    let dead = server.queue("dead", json!({})).await;
    let policy = json!({ "deadLetterTargetArn": arn("dead"), "maxReceiveCount": 1 }).to_string();
    let url = server.queue("q", json!({ "RedrivePolicy": policy, "VisibilityTimeout": "1" })).await;
    for i in 0..count {
        server.send(&url, &i.to_string()).await;
    }
    assert_eq!(server.receive(&url).await.len(), count);
    server.advance(1).await;
    assert!(server.receive(&url).await.is_empty());
    server.advance(1).await;
    assert_eq!(server.attribute(&dead, "ApproximateNumberOfMessages").await, count.to_string());
    (dead, url)
}

/// Waits for a task to have a status, by moving the clock.
async fn until(server: &Server, status: &str) -> Value {
    for _ in 0..100 {
        let list = server.ok(Wire::Json, "ListMessageMoveTasks", json!({ "SourceArn": arn("dead") })).await;
        let task = list.body["Results"][0].clone();
        if task["Status"] == status {
            return task;
        }
        server.advance(1).await;
    }
    panic!("the task does not become {status}");
}

#[tokio::test]
async fn dead_letters_return_to_where_they_came_from_as_new_messages() {
    for wire in BOTH {
        let server = Server::start().await;
        let (dead, url) = dead_letters(&server, 3).await;
        let handle =
            server.ok(wire, "StartMessageMoveTask", json!({ "SourceArn": arn("dead") })).await.text("TaskHandle");
        let decoded: Value = serde_json::from_slice(&STANDARD.decode(handle).unwrap()).unwrap();
        assert_eq!(decoded["sourceArn"], arn("dead"));
        let task = until(&server, "COMPLETED").await;
        assert_eq!(task["ApproximateNumberOfMessagesMoved"], 3);
        assert!(task.get("TaskHandle").is_none() && task.get("DestinationArn").is_none());
        let got = server.receive(&url).await;
        assert_eq!(bodies(&got), ["0", "1", "2"]);
        assert_eq!(got[0]["Attributes"]["ApproximateReceiveCount"], "1");
        assert_eq!(server.attribute(&dead, "ApproximateNumberOfMessages").await, "0");
        let listed =
            server.ok(wire, "ListMessageMoveTasks", json!({ "SourceArn": arn("dead"), "MaxResults": 10 })).await;
        assert_eq!(listed.text("Status"), "COMPLETED");
        assert_eq!(listed.text("ApproximateNumberOfMessagesToMove"), "3");
    }
}

#[tokio::test]
async fn a_slow_task_can_be_cancelled() {
    for wire in BOTH {
        let server = Server::start().await;
        let (_, _) = dead_letters(&server, 10).await;
        server.queue("other", json!({})).await;
        let start =
            json!({ "SourceArn": arn("dead"), "DestinationArn": arn("other"), "MaxNumberOfMessagesPerSecond": 1 });
        let handle = server.ok(wire, "StartMessageMoveTask", start.clone()).await.text("TaskHandle");
        assert_eq!(
            server.fails(wire, "StartMessageMoveTask", start).await.1,
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
        );
        let running = server.ok(wire, "ListMessageMoveTasks", json!({ "SourceArn": arn("dead") })).await;
        assert_eq!(running.text("Status"), "RUNNING");
        assert_eq!(running.text("TaskHandle"), handle);
        assert_eq!(running.text("DestinationArn"), arn("other"));
        assert_eq!(running.text("MaxNumberOfMessagesPerSecond"), "1");
        let cancelled = server.ok(wire, "CancelMessageMoveTask", json!({ "TaskHandle": handle })).await;
        let moved: u64 = cancelled.text("ApproximateNumberOfMessagesMoved").parse().unwrap();
        assert!(moved < 10);
        until(&server, "CANCELLED").await;
        let again = server.call(wire, "CancelMessageMoveTask", json!({ "TaskHandle": handle })).await;
        assert_eq!((again.status, again.code.as_str()), (404, "ResourceNotFoundException"));
    }
}

#[tokio::test]
async fn what_cannot_be_moved() {
    let server = Server::start().await;
    dead_letters(&server, 1).await;
    let gone =
        |parameter: &str| format!("The resource that you specified for the {parameter} parameter doesn't exist.");
    let handle = |text: &str| STANDARD.encode(text);
    let unknown =
        handle(&format!(r#"{{"taskId":"00000000-0000-0000-0000-000000000000","sourceArn":"{}"}}"#, arn("dead")));
    let elsewhere =
        handle(&format!(r#"{{"taskId":"00000000-0000-0000-0000-000000000000","sourceArn":"{}"}}"#, arn("nope")));
    for (action, params, status, text) in [
        ("StartMessageMoveTask", json!({ "SourceArn": arn("nope") }), 404, gone("SourceArn")),
        ("StartMessageMoveTask", json!({ "SourceArn": "rubbish" }), 404, gone("SourceArn")),
        (
            "StartMessageMoveTask",
            json!({ "SourceArn": arn("dead"), "DestinationArn": arn("nope") }),
            404,
            gone("DestinationArn"),
        ),
        (
            "StartMessageMoveTask",
            json!({ "SourceArn": arn("q") }),
            400,
            "Source queue must be configured as a Dead Letter Queue.".to_owned(),
        ),
        (
            "StartMessageMoveTask",
            json!({ "SourceArn": arn("dead"), "MaxNumberOfMessagesPerSecond": 501 }),
            400,
            "Value 501 for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: Must be between 1 and 500, if provided.".to_owned(),
        ),
        ("ListMessageMoveTasks", json!({ "SourceArn": arn("nope") }), 404, gone("SourceArn")),
        (
            "ListMessageMoveTasks",
            json!({ "SourceArn": arn("dead"), "MaxResults": 11 }),
            400,
            "Value 11 for parameter MaxResults is invalid. Reason: Must be between 1 and 10, if provided.".to_owned(),
        ),
        (
            "CancelMessageMoveTask",
            json!({ "TaskHandle": "foobared" }),
            400,
            "Value for parameter TaskHandle is invalid.".to_owned(),
        ),
        ("CancelMessageMoveTask", json!({ "TaskHandle": elsewhere }), 404, gone("SourceArn")),
        ("CancelMessageMoveTask", json!({ "TaskHandle": unknown }), 404, "Task does not exist.".to_owned()),
    ] {
        for wire in BOTH {
            let answer = server.call(wire, action, params.clone()).await;
            assert_eq!((answer.status, answer.message), (status, text.clone()), "{wire:?} {action} {params}");
        }
    }
}

#[tokio::test]
async fn a_source_that_was_deleted_is_found_again_by_its_name() {
    let server = Server::start().await;
    let (dead, url) = dead_letters(&server, 2).await;
    // Another queue has it as its dead-letter queue, or it would be none.
    let policy = json!({ "deadLetterTargetArn": arn("dead"), "maxReceiveCount": 1 }).to_string();
    server.queue("other", json!({ "RedrivePolicy": policy })).await;
    server.ok(Wire::Json, "DeleteQueue", json!({ "QueueUrl": url })).await;
    server.ok(Wire::Json, "StartMessageMoveTask", json!({ "SourceArn": arn("dead") })).await;
    let failed = until(&server, "FAILED").await;
    assert_eq!(failed["FailureReason"], "AWS.SimpleQueueService.NonExistentQueue");
    assert_eq!(server.attribute(&dead, "ApproximateNumberOfMessages").await, "2");
    let url = server.queue("q", json!({})).await;
    server.ok(Wire::Json, "StartMessageMoveTask", json!({ "SourceArn": arn("dead") })).await;
    until(&server, "COMPLETED").await;
    assert_eq!(bodies(&server.receive(&url).await), ["0", "1"]);
    // What was sent to the dead-letter queue itself has no source.
    server.send(&dead, "direct").await;
    server.ok(Wire::Json, "StartMessageMoveTask", json!({ "SourceArn": arn("dead") })).await;
    assert_eq!(until(&server, "FAILED").await["FailureReason"], "CouldNotDetermineMessageSource");
}

#[tokio::test]
async fn a_late_delete_reaches_the_dead_letter_queue() {
    let server = Server::start().await;
    let dead = server.queue("dead", json!({})).await;
    let policy = json!({ "deadLetterTargetArn": arn("dead"), "maxReceiveCount": 1 }).to_string();
    let url = server.queue("q", json!({ "RedrivePolicy": policy, "VisibilityTimeout": "1" })).await;
    server.send(&url, "slow").await;
    let got = server.receive(&url).await;
    server.advance(1).await;
    assert!(server.receive(&url).await.is_empty());
    server.advance(1).await;
    assert_eq!(server.attribute(&dead, "ApproximateNumberOfMessages").await, "1");
    let handle = json!({ "QueueUrl": url, "ReceiptHandle": got[0]["ReceiptHandle"] });
    for wire in BOTH {
        server.ok(wire, "DeleteMessage", handle.clone()).await;
        assert_eq!(server.attribute(&dead, "ApproximateNumberOfMessages").await, "0");
    }
    assert!(server.receive(&dead).await.is_empty());
}
