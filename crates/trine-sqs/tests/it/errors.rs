//! Every error of a request that is refused as a whole, with its exact text, in both protocols.

use serde_json::{Value, json};

use crate::server::{BOTH, Server, Wire};

const NO_QUEUE: (&str, &str) = ("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.");

/// Names of actions about a queue, with everything else they need.
fn about_a_queue() -> Vec<(&'static str, Value)> {
    vec![
        ("AddPermission", json!({ "Label": "l", "AWSAccountIds": ["111111111111"], "Actions": ["*"] })),
        ("ChangeMessageVisibility", json!({ "ReceiptHandle": "x", "VisibilityTimeout": 1 })),
        (
            "ChangeMessageVisibilityBatch",
            json!({ "Entries": [{ "Id": "a", "ReceiptHandle": "x", "VisibilityTimeout": 1 }] }),
        ),
        ("DeleteMessage", json!({ "ReceiptHandle": "x" })),
        ("DeleteMessageBatch", json!({ "Entries": [{ "Id": "a", "ReceiptHandle": "x" }] })),
        ("DeleteQueue", json!({})),
        ("GetQueueAttributes", json!({})),
        ("ListDeadLetterSourceQueues", json!({})),
        ("ListQueueTags", json!({})),
        ("PurgeQueue", json!({})),
        // A bad value: that the queue is missing comes first.
        ("ReceiveMessage", json!({ "MaxNumberOfMessages": 11 })),
        ("RemovePermission", json!({ "Label": "l" })),
        ("SendMessage", json!({ "MessageBody": "x", "DelaySeconds": 901 })),
        ("SendMessageBatch", json!({ "Entries": [{ "Id": "a", "MessageBody": "x" }] })),
        ("SetQueueAttributes", json!({ "Attributes": { "VisibilityTimeout": "x" } })),
        ("TagQueue", json!({ "Tags": { "a": "b" } })),
        ("UntagQueue", json!({ "TagKeys": ["a"] })),
    ]
}

#[tokio::test]
async fn every_action_about_a_queue_wants_its_url_and_the_queue() {
    let listed: Vec<_> = about_a_queue().into_iter().map(|(name, _)| name).collect();
    let table: Vec<_> = trine_sqs::ACTIONS.iter().filter(|a| a.needs_queue).map(|a| a.name).collect();
    assert_eq!(listed, table);
    let server = Server::start().await;
    for (action, params) in about_a_queue() {
        for wire in BOTH {
            assert_eq!(
                server.fails(wire, action, params.clone()).await,
                ("MissingParameter".to_owned(), "The request must contain the parameter QueueUrl.".to_owned()),
                "{action}"
            );
            let mut params = params.clone();
            params["QueueUrl"] = json!(format!("http://{}/000000000000/nope", server.addr));
            let answer = server.call(wire, action, params).await;
            let text = match wire {
                Wire::Json => NO_QUEUE.1,
                Wire::Query => "The specified queue does not exist for this wsdl version.",
            };
            assert_eq!(
                (answer.status, answer.code.as_str(), answer.message.as_str()),
                (400, NO_QUEUE.0, text),
                "{action}"
            );
            if wire == Wire::Json {
                assert_eq!(answer.kind, "com.amazonaws.sqs#QueueDoesNotExist");
            }
        }
    }
}

#[tokio::test]
async fn required_members() {
    let server = Server::start().await;
    let url = server.queue("q", json!({})).await;
    for (action, params, missing) in [
        ("AddPermission", json!({ "Actions": ["*"], "AWSAccountIds": ["111111111111"] }), "Label"),
        ("AddPermission", json!({ "Label": "l", "AWSAccountIds": ["111111111111"] }), "Actions"),
        ("CancelMessageMoveTask", json!({}), "TaskHandle"),
        ("ChangeMessageVisibility", json!({ "VisibilityTimeout": 1 }), "ReceiptHandle"),
        ("ChangeMessageVisibility", json!({ "ReceiptHandle": "x" }), "VisibilityTimeout"),
        ("CreateQueue", json!({}), "QueueName"),
        ("DeleteMessage", json!({}), "ReceiptHandle"),
        ("GetQueueUrl", json!({}), "QueueName"),
        ("ListMessageMoveTasks", json!({}), "SourceArn"),
        ("RemovePermission", json!({}), "Label"),
        ("SendMessage", json!({}), "MessageBody"),
        ("SendMessage", json!({ "MessageBody": "" }), "MessageBody"),
        ("SetQueueAttributes", json!({}), "Attributes"),
        ("StartMessageMoveTask", json!({}), "SourceArn"),
        ("TagQueue", json!({}), "Tags"),
    ] {
        for wire in BOTH {
            let mut params = params.clone();
            params["QueueUrl"] = json!(url);
            let answer = server.call(wire, action, params).await;
            assert_eq!(
                (answer.status, answer.code.as_str(), answer.message),
                (400, "MissingParameter", format!("The request must contain the parameter {missing}.")),
                "{action}"
            );
            if wire == Wire::Json {
                assert_eq!(answer.kind, "com.amazon.coral.service#MissingRequiredParameterException");
            }
        }
    }
}

#[tokio::test]
async fn values_out_of_range() {
    let server = Server::start().await;
    let url = server.queue("q", json!({})).await;
    let fifo = server.queue("q.fifo", json!({ "FifoQueue": "true" })).await;
    let ids = "can only include alphanumeric and punctuation characters. 1 to 128 in length.";
    let ipv = "InvalidParameterValue";
    for (action, params, code, text) in [
        (
            "ReceiveMessage",
            json!({ "QueueUrl": url, "MaxNumberOfMessages": 11 }),
            ipv,
            "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.".to_owned(),
        ),
        (
            "ReceiveMessage",
            json!({ "QueueUrl": url, "MaxNumberOfMessages": 0 }),
            ipv,
            "Value 0 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.".to_owned(),
        ),
        (
            "ReceiveMessage",
            json!({ "QueueUrl": url, "WaitTimeSeconds": 21 }),
            ipv,
            "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.".to_owned(),
        ),
        (
            "ReceiveMessage",
            json!({ "QueueUrl": url, "WaitTimeSeconds": -1 }),
            ipv,
            "Value -1 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.".to_owned(),
        ),
        (
            "ReceiveMessage",
            json!({ "QueueUrl": url, "VisibilityTimeout": 43_201 }),
            ipv,
            "Value 43201 for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= 43200, if provided.".to_owned(),
        ),
        (
            "SendMessage",
            json!({ "QueueUrl": url, "MessageBody": "x", "DelaySeconds": 901 }),
            ipv,
            "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.".to_owned(),
        ),
        (
            "SendMessage",
            json!({ "QueueUrl": fifo, "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 2 }),
            ipv,
            "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type."
                .to_owned(),
        ),
        (
            "SendMessage",
            json!({ "QueueUrl": fifo, "MessageBody": "x" }),
            "MissingParameter",
            "The request must contain the parameter MessageGroupId.".to_owned(),
        ),
        (
            "SendMessage",
            json!({ "QueueUrl": fifo, "MessageBody": "x", "MessageGroupId": "g" }),
            ipv,
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly".to_owned(),
        ),
        (
            "SendMessage",
            json!({ "QueueUrl": url, "MessageBody": "x", "MessageDeduplicationId": "X" }),
            ipv,
            "Value X for parameter MessageDeduplicationId is invalid. Reason: The request includes a parameter that is not valid for this queue type."
                .to_owned(),
        ),
        (
            "SendMessage",
            json!({ "QueueUrl": url, "MessageBody": "x", "MessageGroupId": "group 123" }),
            ipv,
            format!("Value group 123 for parameter MessageGroupId is invalid. Reason: MessageGroupId {ids}"),
        ),
        (
            "SendMessage",
            json!({ "QueueUrl": fifo, "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "" }),
            ipv,
            format!("Value  for parameter MessageDeduplicationId is invalid. Reason: MessageDeduplicationId {ids}"),
        ),
        (
            "SendMessage",
            json!({ "QueueUrl": url, "MessageBody": "x", "MessageAttributes": { "E": { "DataType": "String", "StringValue": "" } } }),
            ipv,
            "Message (user) attribute 'E' must contain a non-empty value of type 'String'.".to_owned(),
        ),
        (
            "SendMessage",
            json!({ "QueueUrl": url, "MessageBody": "a\u{1}" }),
            "InvalidMessageContents",
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF."
                .to_owned(),
        ),
        (
            "CreateQueue",
            json!({ "QueueName": "a b" }),
            ipv,
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length".to_owned(),
        ),
        (
            "CreateQueue",
            json!({ "QueueName": "a", "Attributes": { "FifoQueue": "true" } }),
            ipv,
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in \
             length"
                .to_owned(),
        ),
        (
            "CreateQueue",
            json!({ "QueueName": "a", "Attributes": { "ContentBasedDeduplication": "true" } }),
            "InvalidAttributeName",
            "Unknown Attribute ContentBasedDeduplication.".to_owned(),
        ),
        (
            "SetQueueAttributes",
            json!({ "QueueUrl": fifo, "Attributes": { "FifoQueue": "false" } }),
            "InvalidAttributeValue",
            "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.".to_owned(),
        ),
        (
            "SetQueueAttributes",
            json!({ "QueueUrl": url, "Attributes": { "VisibilityTimeout": "-1" } }),
            "InvalidAttributeValue",
            "Invalid value for the parameter VisibilityTimeout.".to_owned(),
        ),
    ] {
        for wire in BOTH {
            assert_eq!(server.fails(wire, action, params.clone()).await, (code.to_owned(), text.clone()), "{wire:?} {action} {params}");
        }
    }
}

#[tokio::test]
async fn batches_that_fail_as_a_whole() {
    let server = Server::start().await;
    let url = server.queue("q", json!({})).await;
    let fifo = server.queue("q.fifo", json!({ "FifoQueue": "true" })).await;
    let entry = |id: &str| json!({ "Id": id, "MessageBody": "x" });
    let many: Vec<_> = (0..20).map(|i| entry(&i.to_string())).collect();
    let a = "AWS.SimpleQueueService.";
    for (action, params, code, text) in [
        (
            "SendMessageBatch",
            json!({ "QueueUrl": url }),
            format!("{a}EmptyBatchRequest"),
            "There should be at least one SendMessageBatchRequestEntry in the request.",
        ),
        (
            "DeleteMessageBatch",
            json!({ "QueueUrl": url }),
            format!("{a}EmptyBatchRequest"),
            "There should be at least one DeleteMessageBatchRequestEntry in the request.",
        ),
        (
            "ChangeMessageVisibilityBatch",
            json!({ "QueueUrl": url }),
            format!("{a}EmptyBatchRequest"),
            "There should be at least one ChangeMessageVisibilityBatchRequestEntry in the request.",
        ),
        (
            "SendMessageBatch",
            json!({ "QueueUrl": url, "Entries": many }),
            format!("{a}TooManyEntriesInBatchRequest"),
            "Maximum number of entries per request are 10. You have sent 20.",
        ),
        (
            "SendMessageBatch",
            json!({ "QueueUrl": url, "Entries": [entry("a"), entry("a")] }),
            format!("{a}BatchEntryIdsNotDistinct"),
            "Id a repeated.",
        ),
        (
            "SendMessageBatch",
            json!({ "QueueUrl": url, "Entries": [entry("a b")] }),
            format!("{a}InvalidBatchEntryId"),
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
        ),
        (
            "SendMessageBatch",
            json!({ "QueueUrl": fifo, "Entries": [entry("a")] }),
            "InvalidParameterValue".to_owned(),
            "The request must contain the parameter MessageGroupId.",
        ),
        (
            "SendMessageBatch",
            json!({ "QueueUrl": fifo, "Entries": [{ "Id": "a", "MessageBody": "x", "MessageGroupId": "g" }] }),
            "InvalidParameterValue".to_owned(),
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ),
    ] {
        for wire in BOTH {
            assert_eq!(
                server.fails(wire, action, params.clone()).await,
                (code.clone(), text.to_owned()),
                "{wire:?} {action}"
            );
        }
    }
    assert_eq!(server.attribute(&url, "ApproximateNumberOfMessages").await, "0");
}

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let server = Server::start().await;
    let headers = "Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.SendMessage\r\n";
    let deep = "[".repeat(100_000);
    for body in [
        &b"{"[..],
        b"[]",
        b"{\"MessageBody\": 1}",
        b"{\"DelaySeconds\": \"x\"}",
        b"{\"MessageBody\": \"\xff\"}",
        deep.as_bytes(),
    ] {
        let bytes = crate::server::post(server.addr, "/", headers, body);
        let answer = String::from_utf8(crate::server::exchange(server.addr, &bytes).await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("#SerializationException"), "{answer}");
    }
}
