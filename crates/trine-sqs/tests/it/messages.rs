//! Messages of standard queues.

use serde_json::{Value, json};

use crate::server::{BOTH, START_MS, Server, Wire, bodies};

#[tokio::test]
async fn a_message_goes_in_and_comes_out_with_all_that_belongs_to_it() {
    for wire in BOTH {
        let server = Server::start().await;
        let url = server.queue("q", json!({})).await;
        let send = json!({
            "QueueUrl": url,
            "MessageBody": "hi",
            "MessageAttributes": {
                "k": { "DataType": "String", "StringValue": "x" },
                "n": { "DataType": "Number.int", "StringValue": "007" },
                "b": { "DataType": "Binary", "BinaryValue": "AP8=" },
            },
            "MessageSystemAttributes": { "AWSTraceHeader": { "DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1" } },
            "MessageGroupId": "tenant",
        });
        let sent = server.ok(wire, "SendMessage", send).await;
        assert_eq!(sent.text("MD5OfMessageBody"), "49f68a5c8493ec2c0bf489821c21fc3b");
        assert_eq!(sent.text("MD5OfMessageSystemAttributes"), "5ae4d5d7636402d80f4eb6d213245a88");
        assert!(sent.texts("SequenceNumber").is_empty());
        server.advance(5).await;
        let params = json!({ "QueueUrl": url, "AttributeNames": ["All"], "MessageAttributeNames": ["All"] });
        let received = server.ok(wire, "ReceiveMessage", params).await;
        assert_eq!(received.text("MessageId"), sent.text("MessageId"));
        assert_eq!(received.text("Body"), "hi");
        assert_eq!(received.text("MD5OfBody"), sent.text("MD5OfMessageBody"));
        assert_eq!(received.text("MD5OfMessageAttributes"), sent.text("MD5OfMessageAttributes"));
        for text in ["Number.int", "007", "AP8=", "Root=1-5759e988-bd862e3fe1be46a994272793", "tenant", "SenderId"] {
            assert!(received.raw.contains(text), "{text} in {}", received.raw);
        }
        for time in [START_MS, START_MS + 5000] {
            assert!(received.raw.contains(&time.to_string()), "{time}");
        }
    }
}

#[tokio::test]
async fn a_receive_returns_the_attributes_it_asks_for() {
    let server = Server::start().await;
    let url = server.queue("q", json!({ "VisibilityTimeout": "0" })).await;
    let attribute = |text: &str| json!({ "DataType": "String", "StringValue": text });
    let send = json!({ "QueueUrl": url, "MessageBody": "b", "MessageAttributes": {
        "Hello": attribute("There"), "General": attribute("Kenobi"), "Help.Me": attribute("Me") } });
    assert_eq!(
        server.ok(Wire::Json, "SendMessage", send).await.text("MD5OfMessageAttributes"),
        "4c360f3fdafd970e05fae2f149d997f5"
    );
    for wire in BOTH {
        let ask = async |params: Value| {
            let mut all = json!({ "QueueUrl": url });
            all.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
            server.ok(wire, "ReceiveMessage", all).await
        };
        let plain = ask(json!({})).await;
        assert!(!plain.raw.contains("Attribute"), "{}", plain.raw);
        // The checksum is of what is returned.
        let one = ask(json!({ "MessageAttributeNames": ["Hello"] })).await;
        assert_eq!(one.text("MD5OfMessageAttributes"), "a311262e065454b75da111d535b8dacd");
        assert!(one.raw.contains("There") && !one.raw.contains("Kenobi"));
        let prefix = ask(json!({ "MessageAttributeNames": ["Hel.*"] })).await;
        assert!(prefix.raw.contains("There") && prefix.raw.contains("Me") && !prefix.raw.contains("Kenobi"));
        let nothing = ask(json!({ "MessageAttributeNames": ["%&/", "hello"] })).await;
        assert!(nothing.texts("MD5OfMessageAttributes").is_empty());
        let system = ask(
            json!({ "AttributeNames": ["SentTimestamp"], "MessageSystemAttributeNames": ["ApproximateReceiveCount"] }),
        )
        .await;
        assert!(system.raw.contains("SentTimestamp") && system.raw.contains("ApproximateReceiveCount"));
        assert!(!system.raw.contains("SenderId"));
    }
}

#[tokio::test]
async fn a_message_that_is_not_deleted_comes_back_first_and_is_counted() {
    let server = Server::start().await;
    let url = server.queue("q", json!({})).await;
    for body in ["1", "2", "3"] {
        server.send(&url, body).await;
    }
    let first = server.receive_with(&url, json!({ "MaxNumberOfMessages": 2 })).await;
    assert_eq!(bodies(&first), ["1", "2"]);
    assert_eq!(server.attribute(&url, "ApproximateNumberOfMessagesNotVisible").await, "2");
    server.advance(30).await;
    let again = server.receive(&url).await;
    assert_eq!(bodies(&again), ["1", "2", "3"]);
    let counts: Vec<_> = again.iter().map(|m| m["Attributes"]["ApproximateReceiveCount"].as_str().unwrap()).collect();
    assert_eq!(counts, ["2", "2", "1"]);
    assert_ne!(first[0]["ReceiptHandle"], again[0]["ReceiptHandle"]);
    assert_eq!(
        again[0]["Attributes"]["ApproximateFirstReceiveTimestamp"],
        first[0]["Attributes"]["ApproximateFirstReceiveTimestamp"]
    );
}

#[tokio::test]
async fn any_handle_deletes_a_message_of_a_standard_queue() {
    for wire in BOTH {
        let server = Server::start().await;
        let url = server.queue("q", json!({})).await;
        server.send(&url, "x").await;
        let old = server.receive(&url).await;
        server.advance(31).await;
        let new = server.receive(&url).await;
        assert_eq!(new.len(), 1);
        let delete = json!({ "QueueUrl": url, "ReceiptHandle": old[0]["ReceiptHandle"] });
        server.ok(wire, "DeleteMessage", delete.clone()).await;
        server.ok(wire, "DeleteMessage", delete).await;
        server.advance(31).await;
        assert!(server.receive(&url).await.is_empty());
        let other = server.queue("other", json!({})).await;
        let handle = new[0]["ReceiptHandle"].as_str().unwrap();
        assert_eq!(
            server.fails(wire, "DeleteMessage", json!({ "QueueUrl": other, "ReceiptHandle": handle })).await,
            (
                "ReceiptHandleIsInvalid".to_owned(),
                format!("The receipt handle \"{handle}\" is not valid for this queue.")
            )
        );
        let mut forged = handle.to_owned();
        forged.replace_range(20..21, if &handle[20..21] == "A" { "B" } else { "A" });
        for junk in ["junk", &forged, &"A".repeat(2000)] {
            let (code, message) =
                server.fails(wire, "DeleteMessage", json!({ "QueueUrl": url, "ReceiptHandle": junk })).await;
            assert_eq!(code, "ReceiptHandleIsInvalid");
            assert!(
                message.starts_with("The input receipt handle \"")
                    && message.ends_with("is not a valid receipt handle.")
            );
        }
    }
}

#[tokio::test]
async fn visibility_counts_from_now_and_ends_after_twelve_hours() {
    for wire in BOTH {
        let server = Server::start().await;
        let url = server.queue("q", json!({})).await;
        server.send(&url, "x").await;
        let handle = server.receive(&url).await[0]["ReceiptHandle"].clone();
        let change = |seconds: i64| json!({ "QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": seconds });
        server.advance(20).await;
        server.ok(wire, "ChangeMessageVisibility", change(30)).await;
        server.advance(29).await;
        assert!(server.receive(&url).await.is_empty());
        assert_eq!(
            server.fails(wire, "ChangeMessageVisibility", change(43_200)).await.1,
            "Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"
        );
        server.ok(wire, "ChangeMessageVisibility", change(0)).await;
        let again = server.receive(&url).await;
        assert_eq!(again.len(), 1);
        server.ok(wire, "DeleteMessage", json!({ "QueueUrl": url, "ReceiptHandle": again[0]["ReceiptHandle"] })).await;
        let (code, message) = server.fails(wire, "ChangeMessageVisibility", change(1)).await;
        assert_eq!(code, "InvalidParameterValue");
        assert!(
            message.ends_with(
                "for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change."
            ),
            "{message}"
        );
        assert_eq!(
            server.fails(wire, "ChangeMessageVisibility", change(43_201)).await.1,
            "Value 43201 for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= 43200, if provided."
        );
    }
}

#[tokio::test]
async fn changing_what_is_visible_again_changes_nothing() {
    let server = Server::start().await;
    let url = server.queue("q", json!({ "VisibilityTimeout": "1" })).await;
    server.send(&url, "x").await;
    let handle = server.receive(&url).await[0]["ReceiptHandle"].clone();
    server.advance(1).await;
    let change = json!({ "QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": 600 });
    server.ok(Wire::Json, "ChangeMessageVisibility", change).await;
    assert_eq!(server.receive(&url).await.len(), 1);
}

#[tokio::test]
async fn delays_and_retention_follow_message_time() {
    let server = Server::start().await;
    let url = server.queue("q", json!({ "DelaySeconds": "10", "MessageRetentionPeriod": "60" })).await;
    server.send(&url, "queue's").await;
    let own = json!({ "QueueUrl": url, "MessageBody": "own", "DelaySeconds": 0 });
    server.ok(Wire::Json, "SendMessage", own).await;
    assert_eq!(server.attribute(&url, "ApproximateNumberOfMessagesDelayed").await, "1");
    assert_eq!(bodies(&server.receive_with(&url, json!({ "VisibilityTimeout": 0 })).await), ["own"]);
    server.advance(10).await;
    assert_eq!(
        bodies(&server.receive_with(&url, json!({ "VisibilityTimeout": 0, "MaxNumberOfMessages": 10 })).await),
        ["queue's", "own"]
    );
    server.advance(50).await;
    assert!(server.receive(&url).await.is_empty());
    assert_eq!(server.attribute(&url, "ApproximateNumberOfMessages").await, "0");
}

#[tokio::test]
async fn batches_fail_entry_by_entry() {
    for wire in BOTH {
        let server = Server::start().await;
        let url = server.queue("q", json!({ "MaximumMessageSize": "1024" })).await;
        let entries = json!([
            { "Id": "good", "MessageBody": "hi", "MessageAttributes": { "k": { "DataType": "String", "StringValue": "x" } } },
            { "Id": "big", "MessageBody": "x".repeat(1025) },
            { "Id": "late", "MessageBody": "x", "DelaySeconds": 901 },
            { "Id": "odd", "MessageBody": "a\u{1}b" },
            { "Id": "bare", "MessageBody": "x", "MessageAttributes": { "k": { "DataType": "Text", "StringValue": "x" } } },
        ]);
        let sent = server.ok(wire, "SendMessageBatch", json!({ "QueueUrl": url, "Entries": entries })).await;
        assert_eq!(sent.texts("MD5OfMessageBody"), ["49f68a5c8493ec2c0bf489821c21fc3b"]);
        assert_eq!(sent.texts("MD5OfMessageAttributes"), ["a45daa70926828a2f0a1db3418e6feb4"]);
        let mut codes = sent.texts("Code");
        codes.sort();
        assert_eq!(
            codes,
            ["InvalidMessageContents", "InvalidParameterValue", "InvalidParameterValue", "InvalidParameterValue"]
        );
        assert!(
            sent.raw.contains(
                "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes."
            )
        );
        assert!(sent.texts("SenderFault").iter().all(|fault| fault == "true"));
        let got = server.receive(&url).await;
        assert_eq!(bodies(&got), ["hi"]);
        let handle = &got[0]["ReceiptHandle"];
        let changes = json!([
            { "Id": "a", "ReceiptHandle": handle, "VisibilityTimeout": 60 },
            { "Id": "b", "ReceiptHandle": "junk", "VisibilityTimeout": 60 },
            { "Id": "c", "ReceiptHandle": handle, "VisibilityTimeout": 43_201 },
        ]);
        let changed =
            server.ok(wire, "ChangeMessageVisibilityBatch", json!({ "QueueUrl": url, "Entries": changes })).await;
        assert_eq!(changed.texts("Code"), ["ReceiptHandleIsInvalid", "InvalidParameterValue"]);
        let deletes = json!([{ "Id": "a", "ReceiptHandle": handle }, { "Id": "b", "ReceiptHandle": "junk" }]);
        let deleted = server.ok(wire, "DeleteMessageBatch", json!({ "QueueUrl": url, "Entries": deletes })).await;
        assert_eq!(deleted.texts("Code"), ["ReceiptHandleIsInvalid"]);
        assert_eq!(deleted.texts("Message"), ["The input receipt handle \"junk\" is not a valid receipt handle."]);
        server.advance(100).await;
        assert!(server.receive(&url).await.is_empty());
    }
}

#[tokio::test]
async fn a_batch_whose_entries_all_fail_has_no_successes() {
    let server = Server::start().await;
    let url = server.queue("q", json!({})).await;
    let entries = json!([{ "Id": "b", "ReceiptHandle": "junk" }]);
    let answer = server.ok(Wire::Json, "DeleteMessageBatch", json!({ "QueueUrl": url, "Entries": entries })).await;
    assert_eq!(
        answer.body,
        json!({ "Failed": [{
            "Id": "b",
            "SenderFault": true,
            "Code": "ReceiptHandleIsInvalid",
            "Message": "The input receipt handle \"junk\" is not a valid receipt handle.",
        }] })
    );
}

#[tokio::test]
async fn sizes_at_the_limit() {
    let server = Server::start().await;
    let url = server.queue("q", json!({})).await;
    let whole = "x".repeat(1_048_576);
    server.send(&url, &whole).await;
    let more = json!({ "QueueUrl": url, "MessageBody": format!("{whole}y") });
    assert_eq!(
        server.fails(Wire::Json, "SendMessage", more).await,
        (
            "InvalidParameterValue".to_owned(),
            "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.".to_owned()
        )
    );
    let half = "x".repeat(524_288);
    let entries = json!([{ "Id": "a", "MessageBody": half }, { "Id": "b", "MessageBody": format!("{half}y") }]);
    assert_eq!(
        server.fails(Wire::Query, "SendMessageBatch", json!({ "QueueUrl": url, "Entries": entries })).await.1,
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."
    );
    let entries = json!([{ "Id": "a", "MessageBody": half }, { "Id": "b", "MessageBody": half }]);
    server.ok(Wire::Query, "SendMessageBatch", json!({ "QueueUrl": url, "Entries": entries })).await;
    assert_eq!(server.attribute(&url, "ApproximateNumberOfMessages").await, "3");
}

#[tokio::test]
async fn line_ends_and_markup_survive_both_protocols() {
    let body = "a\r\nb\rc\n\t<&>\"' ä\u{10FFFF}";
    for (sent, received) in [(Wire::Json, Wire::Query), (Wire::Query, Wire::Json)] {
        let server = Server::start().await;
        let url = server.queue("q", json!({})).await;
        let sum = server
            .ok(sent, "SendMessage", json!({ "QueueUrl": url, "MessageBody": body }))
            .await
            .text("MD5OfMessageBody");
        let got = server.ok(received, "ReceiveMessage", json!({ "QueueUrl": url })).await;
        assert_eq!(got.text("Body"), body);
        assert_eq!(got.text("MD5OfBody"), sum);
    }
}

#[tokio::test]
async fn a_message_received_too_often_goes_to_the_dead_letter_queue() {
    let server = Server::start().await;
    let dead = server.queue("dead", json!({})).await;
    let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":2}"#;
    let url = server.queue("q", json!({ "RedrivePolicy": policy, "VisibilityTimeout": "1" })).await;
    let id = server.send(&url, "poison").await;
    for _ in 0..2 {
        assert_eq!(server.receive(&url).await.len(), 1);
        server.advance(1).await;
    }
    assert!(server.receive(&url).await.is_empty());
    let got = server.receive_with(&dead, json!({ "WaitTimeSeconds": 20 })).await;
    assert_eq!(bodies(&got), ["poison"]);
    assert_eq!(got[0]["MessageId"], json!(id));
    let attributes = &got[0]["Attributes"];
    assert_eq!(attributes["ApproximateReceiveCount"], "3");
    assert_eq!(attributes["SentTimestamp"], START_MS.to_string());
    assert_eq!(attributes["DeadLetterQueueSourceArn"], "arn:aws:sqs:us-east-1:000000000000:q");
}

#[tokio::test]
async fn a_queue_that_names_itself_moves_nothing() {
    let server = Server::start().await;
    let url = server.queue("q", json!({ "VisibilityTimeout": "1" })).await;
    let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:q","maxReceiveCount":1}"#;
    let set = json!({ "QueueUrl": url, "Attributes": { "RedrivePolicy": policy } });
    server.ok(Wire::Json, "SetQueueAttributes", set).await;
    let asked = json!({ "QueueUrl": url, "AttributeNames": ["RedrivePolicy"] });
    assert_eq!(server.ok(Wire::Json, "GetQueueAttributes", asked).await.text("RedrivePolicy"), policy);
    let id = server.send(&url, "poison").await;
    for count in 1..4 {
        let got = server.receive(&url).await;
        assert_eq!(
            (&got[0]["MessageId"], &got[0]["Attributes"]["ApproximateReceiveCount"]),
            (&json!(id), &json!(count.to_string()))
        );
        server.advance(1).await;
    }
}

#[tokio::test]
async fn the_trace_of_the_http_request_travels_along() {
    let server = Server::start().await;
    let url = server.queue("q", json!({})).await;
    let headers = "Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.SendMessage\r\nX-Amzn-Trace-Id: Root=1-2-3\r\n";
    let body = json!({ "QueueUrl": url, "MessageBody": "x" }).to_string();
    let bytes = crate::server::post(server.addr, "/", headers, body.as_bytes());
    let answer = String::from_utf8(crate::server::exchange(server.addr, &bytes).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("MD5OfMessageSystemAttributes"));
    assert_eq!(server.receive(&url).await[0]["Attributes"]["AWSTraceHeader"], "Root=1-2-3");
}
