//! Every action through the AWS SDK for Rust, which knows errors by their type.

use aws_sdk_sqs::{
    Client,
    error::ProvideErrorMetadata as _,
    primitives::Blob,
    types::{
        ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message, MessageAttributeValue,
        MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
    },
};
use trine_compat_sqs::{client, eventually, unique};

async fn queue(sqs: &Client, suffix: &str, attributes: &[(QueueAttributeName, &str)]) -> String {
    let mut request = sqs.create_queue().queue_name(unique(suffix));
    for (name, value) in attributes {
        request = request.attributes(name.clone(), *value);
    }
    request.send().await.expect("a queue").queue_url.expect("its URL")
}

async fn attribute(sqs: &Client, url: &str, name: QueueAttributeName) -> Option<String> {
    let answer = sqs.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All).send().await.expect("attributes");
    answer.attributes.and_then(|mut found| found.remove(&name))
}

async fn receive(sqs: &Client, url: &str, count: i32) -> Vec<Message> {
    let request = sqs.receive_message().queue_url(url).max_number_of_messages(count).wait_time_seconds(2);
    let request = request.message_attribute_names("All").message_system_attribute_names(MessageSystemAttributeName::All);
    request.send().await.expect("an answer").messages.unwrap_or_default()
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(Message::body).collect()
}

#[tokio::test]
async fn queues() {
    let sqs = client();
    let url = queue(&sqs, "", &[(QueueAttributeName::VisibilityTimeout, "5")]).await;
    let name = url.rsplit('/').next().expect("a name");
    assert_eq!(sqs.get_queue_url().queue_name(name).send().await.expect("found").queue_url(), Some(url.as_str()));
    let listed = sqs.list_queues().queue_name_prefix(name).max_results(1).send().await.expect("a page");
    assert_eq!(listed.queue_urls(), [url.clone()]);
    sqs.tag_queue().queue_url(&url).tags("a", "b").tags("c", "d").send().await.expect("tagged");
    sqs.untag_queue().queue_url(&url).tag_keys("a").send().await.expect("untagged");
    let tags = sqs.list_queue_tags().queue_url(&url).send().await.expect("tags").tags.expect("some");
    assert_eq!(tags.into_iter().collect::<Vec<_>>(), [("c".to_owned(), "d".to_owned())]);
    sqs.set_queue_attributes().queue_url(&url).attributes(QueueAttributeName::DelaySeconds, "1").send().await.expect("set");
    assert_eq!(attribute(&sqs, &url, QueueAttributeName::DelaySeconds).await.as_deref(), Some("1"));
    sqs.add_permission().queue_url(&url).label("one").aws_account_ids("111111111111").actions("SendMessage").send().await.expect("added");
    sqs.remove_permission().queue_url(&url).label("one").send().await.expect("removed");
    sqs.purge_queue().queue_url(&url).send().await.expect("purged");
    let again = sqs.create_queue().queue_name(name).attributes(QueueAttributeName::DelaySeconds, "2").send().await;
    assert!(again.expect_err("it differs").into_service_error().is_queue_name_exists());
    let bad = sqs.set_queue_attributes().queue_url(&url).attributes(QueueAttributeName::DelaySeconds, "901").send().await;
    assert!(bad.expect_err("out of range").into_service_error().is_invalid_attribute_value());
    sqs.delete_queue().queue_url(&url).send().await.expect("deleted");
    let gone = sqs.get_queue_url().queue_name(name).send().await;
    assert!(gone.expect_err("it is gone").into_service_error().is_queue_does_not_exist());
}

#[tokio::test]
async fn messages() {
    let sqs = client();
    let url = queue(&sqs, "", &[]).await;
    let text = MessageAttributeValue::builder().data_type("String").string_value("\u{20ac}\r\n<&>").build().expect("a value");
    let bytes = MessageAttributeValue::builder().data_type("Binary").binary_value(Blob::new([0, 1, 254, 255])).build().expect("a value");
    let request = sqs.send_message().queue_url(&url).message_body("caf\u{e9}\r\n\"<&>\"");
    let sent = request.message_attributes("text", text).message_attributes("bytes", bytes.clone()).send().await.expect("sent");
    let found = receive(&sqs, &url, 10).await;
    assert_eq!(bodies(&found), ["caf\u{e9}\r\n\"<&>\""]);
    assert_eq!((found[0].message_id(), found[0].md5_of_message_attributes()), (sent.message_id(), sent.md5_of_message_attributes()));
    assert_eq!(found[0].message_attributes().expect("some")["bytes"], bytes);
    let handle = found[0].receipt_handle().expect("a handle");
    sqs.change_message_visibility().queue_url(&url).receipt_handle(handle).visibility_timeout(0).send().await.expect("given back");
    let found = receive(&sqs, &url, 10).await;
    assert_eq!(found[0].attributes().expect("some")[&MessageSystemAttributeName::ApproximateReceiveCount], "2");
    sqs.delete_message().queue_url(&url).receipt_handle(handle).send().await.expect("deleted");
    assert!(sqs.receive_message().queue_url(&url).send().await.expect("an answer").messages.is_none());
    let bad = sqs.delete_message().queue_url(&url).receipt_handle("rubbish").send().await;
    assert!(bad.expect_err("no handle").into_service_error().is_receipt_handle_is_invalid());
    let bad = sqs.send_message().queue_url(&url).message_body("a\u{1}b").send().await;
    assert!(bad.expect_err("no such character").into_service_error().is_invalid_message_contents());
    sqs.delete_queue().queue_url(&url).send().await.expect("deleted");
}

#[tokio::test]
async fn batches() {
    let sqs = client();
    let url = queue(&sqs, "", &[]).await;
    let entry = |id: String, delay| {
        SendMessageBatchRequestEntry::builder().message_body(&id).id(id).delay_seconds(delay).build().expect("an entry")
    };
    let entries: Vec<_> = (0..9).map(|number| entry(format!("e{number}"), 0)).chain([entry("bad".into(), 1000)]).collect();
    let answer = sqs.send_message_batch().queue_url(&url).set_entries(Some(entries.clone())).send().await.expect("an answer");
    assert_eq!((answer.successful().len(), answer.failed()[0].id(), answer.failed()[0].sender_fault()), (9, "bad", true));
    let found = receive(&sqs, &url, 10).await;
    assert_eq!(bodies(&found), (0..9).map(|number| format!("e{number}")).collect::<Vec<_>>());
    let (mut changes, mut deletes) = (sqs.change_message_visibility_batch().queue_url(&url), sqs.delete_message_batch().queue_url(&url));
    for message in &found {
        let (id, handle) = (message.body().expect("a body"), message.receipt_handle().expect("a handle"));
        let change = ChangeMessageVisibilityBatchRequestEntry::builder().id(id).receipt_handle(handle).visibility_timeout(100);
        changes = changes.entries(change.build().expect("an entry"));
        deletes = deletes.entries(DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle(handle).build().expect("an entry"));
    }
    assert_eq!(changes.send().await.expect("changed").successful().len(), 9);
    let junk = DeleteMessageBatchRequestEntry::builder().id("junk").receipt_handle("junk").build().expect("an entry");
    let deleted = deletes.entries(junk).send().await.expect("deleted");
    assert_eq!((deleted.successful().len(), deleted.failed()[0].code()), (9, "ReceiptHandleIsInvalid"));
    let none = sqs.send_message_batch().queue_url(&url).set_entries(Some(Vec::new())).send().await;
    assert!(none.expect_err("no entry").into_service_error().is_empty_batch_request());
    let twice = sqs.send_message_batch().queue_url(&url).entries(entries[0].clone()).entries(entries[0].clone()).send().await;
    assert!(twice.expect_err("an id twice").into_service_error().is_batch_entry_ids_not_distinct());
    sqs.delete_queue().queue_url(&url).send().await.expect("deleted");
}

#[tokio::test]
async fn fifo() {
    let sqs = client();
    let url = queue(&sqs, ".fifo", &[(QueueAttributeName::FifoQueue, "true"), (QueueAttributeName::ContentBasedDeduplication, "true")]).await;
    for body in ["a", "b", "a", "c"] {
        sqs.send_message().queue_url(&url).message_body(body).message_group_id("g").send().await.expect("sent");
    }
    assert_eq!(bodies(&receive(&sqs, &url, 10).await), ["a", "b", "c"]);
    let bad = sqs.send_message().queue_url(&url).message_body("x").send().await.expect_err("no group");
    // The SDK shows the code of the older protocol, which a header carries.
    assert_eq!(bad.code(), Some("MissingParameter"));
    sqs.delete_queue().queue_url(&url).send().await.expect("deleted");
}

#[tokio::test]
async fn dead_letters() {
    let sqs = client();
    let (dead, url) = (queue(&sqs, "", &[]).await, queue(&sqs, "", &[]).await);
    let arn = attribute(&sqs, &dead, QueueAttributeName::QueueArn).await.expect("an ARN");
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":1}}"#);
    sqs.set_queue_attributes().queue_url(&url).attributes(QueueAttributeName::RedrivePolicy, policy).send().await.expect("set");
    let sources = sqs.list_dead_letter_source_queues().queue_url(&dead).send().await.expect("sources");
    assert_eq!(sources.queue_urls(), [url.clone()]);
    sqs.send_message().queue_url(&url).message_body("poison").send().await.expect("sent");
    eventually("it is dead", async || {
        sqs.receive_message().queue_url(&url).visibility_timeout(0).send().await.expect("an answer");
        attribute(&sqs, &dead, QueueAttributeName::ApproximateNumberOfMessages).await.as_deref() == Some("1")
    })
    .await;
    sqs.start_message_move_task().source_arn(&arn).send().await.expect("started").task_handle.expect("a handle");
    eventually("the task is complete", async || {
        let tasks = sqs.list_message_move_tasks().source_arn(&arn).send().await.expect("tasks");
        tasks.results()[0].status() == Some("COMPLETED")
    })
    .await;
    assert_eq!(bodies(&receive(&sqs, &url, 10).await), ["poison"]);
    let bad = sqs.start_message_move_task().source_arn(format!("{arn}-nosuch")).send().await.expect_err("no such queue");
    assert!(bad.into_service_error().is_resource_not_found_exception());
    assert!(sqs.cancel_message_move_task().task_handle("rubbish").send().await.is_err());
    for url in [url, dead] {
        sqs.delete_queue().queue_url(&url).send().await.expect("deleted");
    }
}
