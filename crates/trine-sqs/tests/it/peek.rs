//! The look into a queue that another emulator's users know.

use serde_json::json;

use crate::server::{Server, Wire, exchange, xml};

async fn look(server: &Server, path: &str, accept: &str) -> (u16, String) {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAccept: {accept}\r\n\r\n", server.addr);
    let text = String::from_utf8(exchange(server.addr, request.as_bytes()).await).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test]
async fn looking_changes_nothing() {
    let server = Server::start().await;
    let url = server.queue("q", json!({})).await;
    server.send(&url, "flying").await;
    let flying = server.receive(&url).await;
    server.send(&url, "ready").await;
    server.ok(Wire::Json, "SendMessage", json!({ "QueueUrl": url, "MessageBody": "later", "DelaySeconds": 60 })).await;
    let encoded = crate::server::percent(&url);
    for path in
        [format!("/_aws/sqs/messages?QueueUrl={encoded}"), "/_aws/sqs/messages/us-east-1/000000000000/q".to_owned()]
    {
        for _ in 0..2 {
            let (status, body) = look(&server, &path, "application/json").await;
            assert_eq!(status, 200);
            let value: serde_json::Value = serde_json::from_str(&body).unwrap();
            let message = &value["ReceiveMessageResponse"]["ReceiveMessageResult"]["Message"];
            assert_eq!(message["Body"], "ready");
            assert_eq!(message["ReceiptHandle"], "SQS/BACKDOOR/ACCESS");
            let attributes = message["Attribute"].as_array().unwrap();
            for name in ["ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp"] {
                assert!(attributes.contains(&json!({ "Name": name, "Value": "0" })), "{attributes:?}");
            }
        }
    }
    let path = format!("/_aws/sqs/messages?ShowInvisible=true&ShowDelayed=1&QueueUrl={encoded}");
    let (_, body) = look(&server, &path, "*/*").await;
    let value = xml(&body);
    let messages = value["ReceiveMessageResult"]["Message"].as_array().unwrap();
    let bodies: Vec<_> = messages.iter().map(|m| m["Body"].as_str().unwrap()).collect();
    assert_eq!(bodies, ["flying", "ready", "later"]);
    assert_eq!(messages[0]["MessageId"], flying[0]["MessageId"]);
    assert!(
        body.contains("<Name>IsVisible</Name><Value>false</Value>")
            && body.contains("<Name>IsDelayed</Name><Value>true</Value>")
    );
    assert_eq!(server.receive(&url).await.len(), 1);
}

#[tokio::test]
async fn a_queue_that_is_not_there() {
    let server = Server::start().await;
    for path in
        ["/_aws/sqs/messages", "/_aws/sqs/messages?QueueUrl=nope", "/_aws/sqs/messages/us-east-1/000000000000/nope"]
    {
        let (status, body) = look(&server, path, "application/json").await;
        assert_eq!(status, 400, "{path}");
        assert!(body.contains("\"Code\":\"AWS.SimpleQueueService.NonExistentQueue\""), "{body}");
        let (_, body) = look(&server, path, "text/xml").await;
        assert!(body.contains("<Code>AWS.SimpleQueueService.NonExistentQueue</Code>"), "{body}");
    }
    let (status, body) = look(&server, "/_aws/sqs/messages?QueueUrl=http%3A%2F%2Fh%2Fnonsense", "*/*").await;
    assert!(status == 404 && body.contains("<Code>InvalidAddress</Code>"), "{body}");
    assert_eq!(look(&server, "/_aws/sqs/other", "*/*").await.0, 404);
}

#[tokio::test]
async fn what_waits_for_a_group_is_as_invisible_as_its_head() {
    let server = Server::start().await;
    let url = server.queue("q.fifo", json!({ "FifoQueue": "true", "ContentBasedDeduplication": "true" })).await;
    for (group, body) in [("a", "1"), ("a", "2"), ("b", "3")] {
        let message = json!({ "QueueUrl": url, "MessageBody": body, "MessageGroupId": group });
        server.ok(Wire::Json, "SendMessage", message).await;
    }
    server.receive_with(&url, json!({ "MaxNumberOfMessages": 1 })).await;
    let path = format!("/_aws/sqs/messages?QueueUrl={}", crate::server::percent(&url));
    for (path, bodies) in [(path.clone(), vec!["3"]), (path + "&ShowInvisible=true", vec!["1", "2", "3"])] {
        let (_, body) = look(&server, &path, "*/*").await;
        let shown: Vec<_> = body.split("<Body>").skip(1).filter_map(|rest| rest.split('<').next()).collect();
        assert_eq!(shown, bodies);
    }
}

/// An SDK with this path as its endpoint.
#[tokio::test]
async fn an_sdk_looks_in_its_own_protocol() {
    let server = Server::start().await;
    let url = server.queue("q", json!({})).await;
    server.send(&url, "one").await;
    let ask = async |action: &str, body: String| {
        let request = format!(
            "POST /_aws/sqs/messages HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nX-Amz-Target: AmazonSQS.{action}\r\n\
             Content-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\n\r\n{body}",
            server.addr,
            body.len()
        );
        let text = String::from_utf8(exchange(server.addr, request.as_bytes()).await).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str::<serde_json::Value>(body).unwrap())
    };
    let (status, found) = ask("ReceiveMessage", json!({ "QueueUrl": url, "MaxNumberOfMessages": 1 }).to_string()).await;
    assert_eq!((status, &found["Messages"][0]["Body"]), (200, &json!("one")));
    assert_eq!(found["Messages"][0]["Attributes"]["ApproximateReceiveCount"], "0");
    let (status, error) = ask("SendMessage", json!({ "QueueUrl": url, "MessageBody": "x" }).to_string()).await;
    assert_eq!((status, &error["message"]), (400, &json!("This endpoint only accepts ReceiveMessage calls")));
    let (status, error) = ask("ReceiveMessage", json!({}).to_string()).await;
    assert_eq!((status, &error["__type"]), (400, &json!("com.amazonaws.sqs#QueueDoesNotExist")));
    assert_eq!(ask("ReceiveMessage", "{".to_owned()).await.0, 400);
}
