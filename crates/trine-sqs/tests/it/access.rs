//! Who may do what: every action asks the broker's one check before it says anything about a queue.

use serde_json::{Value, json};
use trine_broker::{Access, Action, Grant, ResourceKind};
use trine_sqs::SqsConfig;

use crate::server::{BOTH, Server};

fn grants(allow: Vec<Action>) -> Access {
    Access::new([("ann".to_owned(), vec![Grant { on: ResourceKind::Queue, name: "*".to_owned(), allow }])])
}

/// Nobody signs here, so nobody has a grant, whatever the queue.
#[tokio::test]
async fn without_a_grant_every_action_is_refused() {
    let server = Server::with(SqsConfig::default(), grants(Action::ALL.to_vec())).await;
    let url = "http://h/000000000000/q";
    let arn = "arn:aws:sqs:us-east-1:000000000000:q";
    let handle = json!({ "taskId": "x", "sourceArn": arn }).to_string();
    let handle = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, handle);
    let entries = json!([{ "Id": "a", "ReceiptHandle": "x" }]);
    let actions: Vec<(&str, Value)> = vec![
        (
            "AddPermission",
            json!({ "QueueUrl": url, "Label": "l", "AWSAccountIds": ["111111111111"], "Actions": ["*"] }),
        ),
        ("CancelMessageMoveTask", json!({ "TaskHandle": handle })),
        ("ChangeMessageVisibility", json!({ "QueueUrl": url, "ReceiptHandle": "x", "VisibilityTimeout": 1 })),
        ("ChangeMessageVisibilityBatch", json!({ "QueueUrl": url, "Entries": entries })),
        ("CreateQueue", json!({ "QueueName": "q" })),
        ("DeleteMessage", json!({ "QueueUrl": url, "ReceiptHandle": "x" })),
        ("DeleteMessageBatch", json!({ "QueueUrl": url, "Entries": entries })),
        ("DeleteQueue", json!({ "QueueUrl": url })),
        ("GetQueueAttributes", json!({ "QueueUrl": url })),
        ("GetQueueUrl", json!({ "QueueName": "q" })),
        ("ListDeadLetterSourceQueues", json!({ "QueueUrl": url })),
        ("ListMessageMoveTasks", json!({ "SourceArn": arn })),
        ("ListQueueTags", json!({ "QueueUrl": url })),
        ("PurgeQueue", json!({ "QueueUrl": url })),
        ("ReceiveMessage", json!({ "QueueUrl": url })),
        ("RemovePermission", json!({ "QueueUrl": url, "Label": "l" })),
        ("SendMessage", json!({ "QueueUrl": url, "MessageBody": "x" })),
        ("SendMessageBatch", json!({ "QueueUrl": url, "Entries": [{ "Id": "a", "MessageBody": "x" }] })),
        ("SetQueueAttributes", json!({ "QueueUrl": url, "Attributes": { "DelaySeconds": "1" } })),
        ("StartMessageMoveTask", json!({ "SourceArn": arn })),
        ("TagQueue", json!({ "QueueUrl": url, "Tags": { "a": "b" } })),
        ("UntagQueue", json!({ "QueueUrl": url, "TagKeys": ["a"] })),
    ];
    let tried: Vec<_> = actions.iter().map(|(name, _)| *name).collect();
    let table: Vec<_> = trine_sqs::ACTIONS.iter().map(|a| a.name).filter(|name| *name != "ListQueues").collect();
    assert_eq!(tried, table);
    for (action, params) in actions {
        for wire in BOTH {
            let answer = server.call(wire, action, params.clone()).await;
            assert_eq!((answer.status, answer.code.as_str()), (403, "AccessDenied"), "{action}: {}", answer.raw);
        }
    }
    // A list shows what one may see.
    for wire in BOTH {
        let list = server.ok(wire, "ListQueues", json!({})).await;
        assert!(list.texts("QueueUrl").is_empty() && list.texts("QueueUrls").is_empty());
    }
}
