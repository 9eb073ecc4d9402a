//! Queues: create, find, list, describe, change, tag, permit, purge, delete.

use std::time::Duration;

use serde_json::{Value, json};
use trine_sqs::SqsConfig;

use crate::server::{BOTH, Server, Wire};

#[tokio::test]
async fn a_queue_is_created_found_listed_and_deleted() {
    for wire in BOTH {
        let server = Server::start().await;
        let url = server.ok(wire, "CreateQueue", json!({ "QueueName": "jobs" })).await.text("QueueUrl");
        assert_eq!(url, format!("http://{}/000000000000/jobs", server.addr));
        assert_eq!(server.ok(wire, "GetQueueUrl", json!({ "QueueName": "jobs" })).await.text("QueueUrl"), url);
        let owner = json!({ "QueueName": "jobs", "QueueOwnerAWSAccountId": "999999999999" });
        assert_eq!(server.ok(wire, "GetQueueUrl", owner).await.text("QueueUrl"), url);
        let listed = if wire == Wire::Json { "QueueUrls" } else { "QueueUrl" };
        assert_eq!(server.ok(wire, "ListQueues", json!({})).await.texts(listed), std::slice::from_ref(&url));
        let deleted = server.ok(wire, "DeleteQueue", json!({ "QueueUrl": url })).await;
        assert!(!deleted.raw.contains("Result"));
        let (code, message) = server.fails(wire, "DeleteQueue", json!({ "QueueUrl": url })).await;
        assert_eq!(code, "AWS.SimpleQueueService.NonExistentQueue");
        assert!(message.starts_with("The specified queue does not exist"));
        let none = server.ok(wire, "ListQueues", json!({})).await;
        assert!(none.texts("QueueUrl").is_empty() && none.texts("QueueUrls").is_empty());
    }
}

#[tokio::test]
async fn lists_come_by_name_and_in_pages() {
    for wire in BOTH {
        let server = Server::start().await;
        for name in ["b2", "a1", "b1", "B3", "b3"] {
            server.queue(name, json!({})).await;
        }
        let names = |answer: crate::server::Answer| -> Vec<String> {
            let urls = if wire == Wire::Json { answer.texts("QueueUrls") } else { answer.texts("QueueUrl") };
            urls.iter().map(|url| url.rsplit('/').next().unwrap().to_owned()).collect()
        };
        let all = server.ok(wire, "ListQueues", json!({ "QueueNamePrefix": "b" })).await;
        assert!(all.texts("NextToken").is_empty());
        assert_eq!(names(all), ["b1", "b2", "b3"]);
        let first = server.ok(wire, "ListQueues", json!({ "QueueNamePrefix": "b", "MaxResults": 2 })).await;
        let token = first.text("NextToken");
        assert_eq!(names(first), ["b1", "b2"]);
        let params = json!({ "QueueNamePrefix": "b", "MaxResults": 2, "NextToken": token });
        let last = server.ok(wire, "ListQueues", params).await;
        assert!(last.texts("NextToken").is_empty());
        assert_eq!(names(last), ["b3"]);
        for bad in [json!({ "MaxResults": 0 }), json!({ "MaxResults": 1001 }), json!({ "NextToken": "rubbish" })] {
            assert_eq!(server.fails(wire, "ListQueues", bad).await.0, "InvalidParameterValue");
        }
    }
}

#[tokio::test]
async fn creating_again_compares_what_is_given() {
    for wire in BOTH {
        let server = Server::start().await;
        let create = |attributes: Value| json!({ "QueueName": "q", "Attributes": attributes });
        let url = server.ok(wire, "CreateQueue", create(json!({ "DelaySeconds": "1" }))).await.text("QueueUrl");
        for same in [json!({}), json!({ "DelaySeconds": "1" }), json!({ "VisibilityTimeout": "30" })] {
            assert_eq!(server.ok(wire, "CreateQueue", create(same)).await.text("QueueUrl"), url);
        }
        assert_eq!(
            server.fails(wire, "CreateQueue", create(json!({ "DelaySeconds": "2" }))).await,
            (
                "QueueAlreadyExists".to_owned(),
                "A queue already exists with the same name and a different value for attribute DelaySeconds".to_owned()
            )
        );
        let set = json!({ "QueueUrl": url, "Attributes": { "DelaySeconds": "2" } });
        server.ok(wire, "SetQueueAttributes", set).await;
        server.ok(wire, "CreateQueue", create(json!({ "DelaySeconds": "2" }))).await;
    }
}

#[tokio::test]
async fn attributes_are_shown_as_set() {
    for wire in BOTH {
        let server = Server::start().await;
        let url = server.queue("q", json!({ "VisibilityTimeout": "7" })).await;
        let get = |names: Value| json!({ "QueueUrl": url, "AttributeNames": names });
        let none = server.ok(wire, "GetQueueAttributes", json!({ "QueueUrl": url })).await;
        assert!(!none.raw.contains("Attribute>") && !none.raw.contains("\"Attributes\""));
        let all = server.ok(wire, "GetQueueAttributes", get(json!(["All"]))).await;
        let mut names: Vec<String> = match wire {
            Wire::Json => all.body["Attributes"].as_object().unwrap().keys().cloned().collect(),
            Wire::Query => all.texts("Name"),
        };
        names.sort();
        assert_eq!(
            names,
            [
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesDelayed",
                "ApproximateNumberOfMessagesNotVisible",
                "CreatedTimestamp",
                "DelaySeconds",
                "LastModifiedTimestamp",
                "MaximumMessageSize",
                "MessageRetentionPeriod",
                "QueueArn",
                "ReceiveMessageWaitTimeSeconds",
                "SqsManagedSseEnabled",
                "VisibilityTimeout",
            ]
        );
        assert_eq!(server.attribute(&url, "VisibilityTimeout").await, "7");
        assert_eq!(server.attribute(&url, "CreatedTimestamp").await, "1793534400");
        assert_eq!(server.attribute(&url, "QueueArn").await, "arn:aws:sqs:us-east-1:000000000000:q");
        server.advance(10).await;
        let policy = r#"{"Version":"2012-10-17","Statement":[]}"#;
        let set = json!({ "QueueUrl": url, "Attributes": { "Policy": policy, "MessageRetentionPeriod": "60", "MaximumMessageSize": "1024" } });
        server.ok(wire, "SetQueueAttributes", set).await;
        assert_eq!(server.attribute(&url, "LastModifiedTimestamp").await, "1793534410");
        assert_eq!(server.attribute(&url, "Policy").await, policy);
        assert_eq!(server.attribute(&url, "MessageRetentionPeriod").await, "60");
        // All or none.
        let half =
            json!({ "QueueUrl": url, "Attributes": { "MessageRetentionPeriod": "120", "VisibilityTimeout": "99999" } });
        assert_eq!(server.fails(wire, "SetQueueAttributes", half).await.0, "InvalidAttributeValue");
        assert_eq!(server.attribute(&url, "MessageRetentionPeriod").await, "60");
        server.ok(wire, "SetQueueAttributes", json!({ "QueueUrl": url, "Attributes": { "Policy": "" } })).await;
        assert_eq!(server.attribute(&url, "Policy").await, "");
        assert_eq!(
            server.fails(wire, "GetQueueAttributes", get(json!(["Colour"]))).await,
            ("InvalidAttributeName".to_owned(), "Unknown Attribute Colour.".to_owned())
        );
        assert_eq!(server.attribute(&url, "RedrivePolicy").await, "");
    }
}

#[tokio::test]
async fn fifo_queues_show_their_own_attributes() {
    let server = Server::start().await;
    let url = server.queue("q.fifo", json!({ "FifoQueue": "true", "ContentBasedDeduplication": "True" })).await;
    for (name, value) in [
        ("FifoQueue", "true"),
        ("ContentBasedDeduplication", "true"),
        ("DeduplicationScope", "queue"),
        ("FifoThroughputLimit", "perQueue"),
    ] {
        assert_eq!(server.attribute(&url, name).await, value, "{name}");
    }
}

#[tokio::test]
async fn dead_letter_queues_know_their_sources() {
    for wire in BOTH {
        let server = Server::start().await;
        let dead = server.queue("dead", json!({})).await;
        let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:dead","maxReceiveCount":"2"}"#;
        for name in ["b", "a", "c"] {
            server.queue(name, json!({ "RedrivePolicy": policy })).await;
        }
        let a = format!("http://{}/000000000000/a", server.addr);
        assert_eq!(
            server.attribute(&a, "RedrivePolicy").await,
            r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:dead","maxReceiveCount":2}"#
        );
        let sources = server.ok(wire, "ListDeadLetterSourceQueues", json!({ "QueueUrl": dead, "MaxResults": 2 })).await;
        let name = if wire == Wire::Json { "queueUrls" } else { "QueueUrl" };
        let urls = sources.texts(name);
        assert!(urls[0].ends_with("/a") && urls[1].ends_with("/b") && urls.len() == 2);
        let more = json!({ "QueueUrl": dead, "MaxResults": 2, "NextToken": sources.text("NextToken") });
        let rest = server.ok(wire, "ListDeadLetterSourceQueues", more).await;
        assert!(rest.texts(name)[0].ends_with("/c") && rest.texts("NextToken").is_empty());
        server.ok(wire, "SetQueueAttributes", json!({ "QueueUrl": a, "Attributes": { "RedrivePolicy": "" } })).await;
        let left = server.ok(wire, "ListDeadLetterSourceQueues", json!({ "QueueUrl": dead })).await;
        assert_eq!(left.texts(name).len(), 2);
    }
}

#[tokio::test]
async fn tags_come_and_go() {
    for wire in BOTH {
        let server = Server::start().await;
        let params = json!({ "QueueName": "q", "tags": { "a": "1" } });
        let url = server.ok(wire, "CreateQueue", params).await.text("QueueUrl");
        let tags = async || {
            let answer = server.ok(wire, "ListQueueTags", json!({ "QueueUrl": url })).await;
            match wire {
                Wire::Json => answer.body["Tags"]
                    .as_object()
                    .map_or(vec![], |tags| tags.iter().map(|(k, v)| format!("{k}={}", v.as_str().unwrap())).collect()),
                Wire::Query => answer
                    .texts("Key")
                    .into_iter()
                    .zip(answer.texts("Value"))
                    .map(|(k, v)| format!("{k}={v}"))
                    .collect(),
            }
        };
        assert_eq!(tags().await, ["a=1"]);
        server.ok(wire, "TagQueue", json!({ "QueueUrl": url, "Tags": { "a": "2", "b": "3" } })).await;
        assert_eq!(tags().await, ["a=2", "b=3"]);
        server.ok(wire, "UntagQueue", json!({ "QueueUrl": url, "TagKeys": ["a", "unknown"] })).await;
        assert_eq!(tags().await, ["b=3"]);
        server.ok(wire, "UntagQueue", json!({ "QueueUrl": url, "TagKeys": ["b"] })).await;
        assert!(tags().await.is_empty());
        assert_eq!(server.fails(wire, "TagQueue", json!({ "QueueUrl": url, "Tags": {} })).await.0, "MissingParameter");
        assert_eq!(
            server.fails(wire, "UntagQueue", json!({ "QueueUrl": url, "TagKeys": [] })).await.1,
            "Tag keys must be between 1 and 128 characters in length."
        );
    }
}

#[tokio::test]
async fn permissions_are_kept_in_the_policy() {
    for wire in BOTH {
        let server = Server::start().await;
        let url = server.queue("q", json!({})).await;
        let add = |label: &str, actions: Value| json!({ "QueueUrl": url, "Label": label, "AWSAccountIds": ["111111111111"], "Actions": actions });
        server.ok(wire, "AddPermission", add("a", json!(["SendMessage"]))).await;
        let policy: Value = serde_json::from_str(&server.attribute(&url, "Policy").await).unwrap();
        assert_eq!(policy["Statement"][0]["Sid"], "a");
        assert_eq!(policy["Statement"][0]["Resource"], "arn:aws:sqs:us-east-1:000000000000:q");
        for (params, code, message) in [
            (
                add("a", json!(["*"])),
                "InvalidParameterValue",
                "Value a for parameter Label is invalid. Reason: Already exists.",
            ),
            (add("b", json!(vec!["SendMessage"; 8])), "OverLimit", "8 Actions were found, maximum allowed is 7."),
            (
                add("b", json!(["CreateQueue"])),
                "InvalidParameterValue",
                "Value SQS:CreateQueue for parameter ActionName is invalid. Reason: Only the queue owner is allowed to invoke this action.",
            ),
            (
                json!({ "QueueUrl": url, "Label": "b", "AWSAccountIds": [], "Actions": ["SendMessage"] }),
                "InvalidParameterValue",
                "Value [] for parameter PrincipalId is invalid. Reason: Unable to verify.",
            ),
        ] {
            assert_eq!(server.fails(wire, "AddPermission", params).await, (code.to_owned(), message.to_owned()));
        }
        let remove = |label: &str| json!({ "QueueUrl": url, "Label": label });
        assert_eq!(
            server.fails(wire, "RemovePermission", remove("b")).await.1,
            "Value b for parameter Label is invalid. Reason: can't find label."
        );
        server.ok(wire, "RemovePermission", remove("a")).await;
        assert_eq!(server.attribute(&url, "Policy").await, "");
    }
}

#[tokio::test]
async fn a_purge_removes_everything_and_is_allowed_once_a_minute() {
    let config = SqsConfig { purge_interval: Duration::from_secs(60), ..SqsConfig::default() };
    let server = Server::with(config).await;
    let url = server.queue("q", json!({})).await;
    for body in ["flying", "delayed", "ready"] {
        let delay = if body == "delayed" { 900 } else { 0 };
        let send = json!({ "QueueUrl": url, "MessageBody": body, "DelaySeconds": delay });
        server.ok(Wire::Json, "SendMessage", send).await;
        if body == "flying" {
            assert_eq!(server.receive(&url).await.len(), 1);
        }
    }
    server.ok(Wire::Json, "PurgeQueue", json!({ "QueueUrl": url })).await;
    for name in ["", "NotVisible", "Delayed"] {
        assert_eq!(server.attribute(&url, &format!("ApproximateNumberOfMessages{name}")).await, "0");
    }
    for wire in BOTH {
        let again = server.call(wire, "PurgeQueue", json!({ "QueueUrl": url })).await;
        assert_eq!(
            (again.status, again.code.as_str(), again.message.as_str()),
            (
                403,
                "AWS.SimpleQueueService.PurgeQueueInProgress",
                "Only one PurgeQueue operation on q is allowed every 60 seconds."
            )
        );
    }
}

#[tokio::test]
async fn a_name_rests_after_its_queue_was_deleted_if_told_so() {
    let config = SqsConfig { delete_cooldown: Duration::from_secs(60), ..SqsConfig::default() };
    let server = Server::with(config).await;
    let url = server.queue("q", json!({})).await;
    server.ok(Wire::Json, "DeleteQueue", json!({ "QueueUrl": url })).await;
    for wire in BOTH {
        assert_eq!(
            server.fails(wire, "CreateQueue", json!({ "QueueName": "q" })).await,
            (
                "AWS.SimpleQueueService.QueueDeletedRecently".to_owned(),
                "You must wait 60 seconds after deleting a queue before you can create another with the same name."
                    .to_owned()
            )
        );
    }
    server.advance(60).await;
    server.queue("q", json!({})).await;
}

#[tokio::test]
async fn a_queue_is_found_whatever_the_url_says_before_its_name() {
    let server = Server::start().await;
    server.queue("q", json!({})).await;
    for url in [
        "http://elsewhere:1/000000000000/q",
        "https://sqs.eu-west-1.amazonaws.com/123456789012/q",
        "q",
        "/000000000000/q",
    ] {
        for wire in BOTH {
            server.ok(wire, "GetQueueAttributes", json!({ "QueueUrl": url })).await;
        }
    }
}
