//! Who may do what: every action asks the broker's one check before it says anything about a queue.

use serde_json::{Value, json};
use trine_aws::{Key, Keys};
use trine_broker::{Access, Action, Grant, ResourceKind};
use trine_sqs::SqsConfig;
use trine_types::Namespace;

use crate::server::{Answer, Server, Wire, exchange, signed};

/// A server with one user, who may do everything with queues whose names begin with `mine`.
async fn server() -> Server {
    let grant = Grant { on: ResourceKind::Queue, name: "mine*".to_owned(), allow: Action::ALL.to_vec() };
    let access = Access::new([("ann".to_owned(), vec![grant])]);
    let keys = Keys::new([Key::new("AKIDANN", "secret", "ann", Namespace::default())]);
    Server::with_users(SqsConfig::default(), access, keys).await
}

async fn call(server: &Server, action: &str, params: &Value) -> Answer {
    let bytes = signed(server.addr, action, params, "AKIDANN", "secret");
    Answer::read(Wire::Json, &exchange(server.addr, &bytes).await)
}

#[tokio::test]
async fn what_is_granted_is_done_in_the_users_name() {
    let server = server().await;
    let created = call(&server, "CreateQueue", &json!({ "QueueName": "mine-1" })).await;
    assert_eq!(created.status, 200, "{}", created.raw);
    let url = created.text("QueueUrl");
    call(&server, "SendMessage", &json!({ "QueueUrl": url, "MessageBody": "x" })).await;
    let got = call(&server, "ReceiveMessage", &json!({ "QueueUrl": url, "AttributeNames": ["SenderId"] })).await;
    assert_eq!(got.text("SenderId"), "ann");
    assert_eq!(call(&server, "ListQueues", &json!({})).await.texts("QueueUrls"), [url]);
}

#[tokio::test]
async fn without_a_grant_every_action_is_refused_and_says_nothing() {
    let server = server().await;
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
    let create = |name: &str| trine_broker::NewQueue {
        namespace: Namespace::default(),
        name: trine_types::QueueName::parse(name).unwrap(),
        settings: trine_core::queues::QueueSettings::default(),
        cooldown: std::time::Duration::ZERO,
    };
    // Whether the queue exists or not, the answer is the same.
    for exists in [false, true] {
        if exists {
            server.broker.queues().create(create("q")).await.unwrap();
        }
        for (action, params) in &actions {
            let answer = call(&server, action, params).await;
            assert_eq!((answer.status, answer.code.as_str()), (403, "AccessDenied"), "{action}: {}", answer.raw);
            assert_eq!(answer.kind, "com.amazon.coral.service#AccessDeniedException");
        }
    }
    // A list shows what one may see.
    assert!(call(&server, "ListQueues", &json!({})).await.texts("QueueUrls").is_empty());
}
