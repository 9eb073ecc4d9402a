//! Whole answers as the service gives them: names, order and places of everything.

use serde_json::json;

use crate::server::{Server, Wire, exchange, header, post};

async fn form(server: &Server, path: &str, body: &str) -> (String, String) {
    let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
    let bytes = exchange(server.addr, &post(server.addr, path, headers, body.as_bytes())).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// Replaces the text of elements that differ from run to run.
fn masked(mut xml: String, names: &[&str]) -> String {
    for name in names {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        if let Some((before, rest)) = xml.split_once(&open)
            && let Some((_, after)) = rest.split_once(&close)
        {
            xml = format!("{before}{open}…{close}{after}");
        }
    }
    xml
}

#[tokio::test]
async fn json_answers() {
    let server = Server::start().await;
    let url = server.queue("q", json!({})).await;
    let attributes = json!({ "k": { "DataType": "String", "StringValue": "x" } });
    let send = json!({ "QueueUrl": url, "MessageBody": "hi", "MessageAttributes": attributes });
    let sent = server.ok(Wire::Json, "SendMessage", send).await;
    assert_eq!(
        sent.body,
        json!({
            "MD5OfMessageAttributes": "a45daa70926828a2f0a1db3418e6feb4",
            "MD5OfMessageBody": "49f68a5c8493ec2c0bf489821c21fc3b",
            "MessageId": sent.text("MessageId"),
        })
    );
    assert_eq!(header(&sent.head, "content-type"), Some("application/x-amz-json-1.0"));
    assert_eq!(header(&sent.head, "x-amzn-requestid").map(str::len), Some(36));
    let receive = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 20, "MessageSystemAttributeNames": ["All"],
        "MessageAttributeNames": ["All"] });
    let got = server.ok(Wire::Json, "ReceiveMessage", receive.clone()).await;
    assert_eq!(
        got.body,
        json!({ "Messages": [{
            "MessageId": sent.text("MessageId"),
            "ReceiptHandle": got.text("ReceiptHandle"),
            "MD5OfBody": "49f68a5c8493ec2c0bf489821c21fc3b",
            "Body": "hi",
            "Attributes": {
                "SenderId": "000000000000",
                "SentTimestamp": "1793534400000",
                "ApproximateReceiveCount": "1",
                "ApproximateFirstReceiveTimestamp": "1793534400000",
            },
            "MD5OfMessageAttributes": "a45daa70926828a2f0a1db3418e6feb4",
            "MessageAttributes": { "k": { "StringValue": "x", "DataType": "String" } },
        }] })
    );
    let empty = server.ok(Wire::Json, "ReceiveMessage", json!({ "QueueUrl": url })).await;
    assert_eq!(empty.raw, "{}");
    let entries =
        json!([{ "Id": "a", "ReceiptHandle": got.text("ReceiptHandle") }, { "Id": "b", "ReceiptHandle": "junk" }]);
    let deleted = server.ok(Wire::Json, "DeleteMessageBatch", json!({ "QueueUrl": url, "Entries": entries })).await;
    assert_eq!(
        deleted.body,
        json!({
            "Successful": [{ "Id": "a" }],
            "Failed": [{
                "Id": "b",
                "SenderFault": true,
                "Code": "ReceiptHandleIsInvalid",
                "Message": "The input receipt handle \"junk\" is not a valid receipt handle.",
            }],
        })
    );
    let missing = server.call(Wire::Json, "GetQueueUrl", json!({ "QueueName": "nope" })).await;
    assert_eq!(missing.status, 400);
    assert_eq!(header(&missing.head, "x-amzn-query-error"), Some("AWS.SimpleQueueService.NonExistentQueue;Sender"));
    assert_eq!(
        missing.body,
        json!({ "__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The specified queue does not exist." })
    );
}

#[tokio::test]
async fn query_answers() {
    let server = Server::start().await;
    server.queue("q", json!({})).await;
    let send = "Action=SendMessage&Version=2012-11-05&MessageBody=hi&MessageAttribute.1.Name=k&MessageAttribute.1.Value.DataType=String&\
                MessageAttribute.1.Value.StringValue=x";
    let (head, sent) = form(&server, "/000000000000/q", send).await;
    assert!(head.starts_with("HTTP/1.1 200"));
    assert_eq!(header(&head, "content-type"), Some("text/xml"));
    let xmlns = "http://queue.amazonaws.com/doc/2012-11-05/";
    assert_eq!(
        masked(sent, &["MessageId", "RequestId"]),
        format!(
            "<?xml version=\"1.0\"?><SendMessageResponse xmlns=\"{xmlns}\"><SendMessageResult><MessageId>…</MessageId>\
             <MD5OfMessageBody>49f68a5c8493ec2c0bf489821c21fc3b</MD5OfMessageBody><MD5OfMessageAttributes>a45daa70926828a2f0a1db3418e6feb4\
             </MD5OfMessageAttributes></SendMessageResult><ResponseMetadata><RequestId>…</RequestId></ResponseMetadata></SendMessageResponse>"
        )
    );
    let receive = "Action=ReceiveMessage&AttributeName.1=SentTimestamp&MessageAttributeName.1=k&MaxNumberOfMessages=1";
    let (_, got) = form(&server, "/000000000000/q", receive).await;
    assert_eq!(
        masked(got, &["MessageId", "ReceiptHandle", "RequestId"]),
        format!(
            "<?xml version=\"1.0\"?><ReceiveMessageResponse xmlns=\"{xmlns}\"><ReceiveMessageResult><Message><MessageId>…</MessageId>\
             <ReceiptHandle>…</ReceiptHandle><MD5OfBody>49f68a5c8493ec2c0bf489821c21fc3b</MD5OfBody><Body>hi</Body><Attribute>\
             <Name>SentTimestamp</Name><Value>1793534400000</Value></Attribute><MD5OfMessageAttributes>a45daa70926828a2f0a1db3418e6feb4\
             </MD5OfMessageAttributes><MessageAttribute><Name>k</Name><Value><StringValue>x</StringValue><DataType>String</DataType></Value>\
             </MessageAttribute></Message></ReceiveMessageResult><ResponseMetadata><RequestId>…</RequestId></ResponseMetadata>\
             </ReceiveMessageResponse>"
        )
    );
    let (_, empty) = form(&server, "/000000000000/q", "Action=ReceiveMessage").await;
    assert!(empty.contains("<ReceiveMessageResult/>"), "{empty}");
    let (head, missing) = form(&server, "/000000000000/nope", "Action=ReceiveMessage").await;
    assert!(head.starts_with("HTTP/1.1 400"));
    assert_eq!(
        masked(missing, &["RequestId"]),
        format!(
            "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"{xmlns}\"><Error><Type>Sender</Type><Code>AWS.SimpleQueueService.NonExistentQueue</Code>\
             <Message>The specified queue does not exist for this wsdl version.</Message><Detail/></Error><RequestId>…</RequestId></ErrorResponse>"
        )
    );
    let (_, void) = form(&server, "/000000000000/q", "Action=DeleteQueue").await;
    assert_eq!(
        masked(void, &["RequestId"]),
        format!(
            "<?xml version=\"1.0\"?><DeleteQueueResponse xmlns=\"{xmlns}\"><ResponseMetadata><RequestId>…</RequestId></ResponseMetadata>\
             </DeleteQueueResponse>"
        )
    );
}

#[tokio::test]
async fn odd_requests() {
    let server = Server::start().await;
    let url = server.queue("q", json!({})).await;
    for action in ["CreateQueue", "ListQueues"] {
        let (head, body) = form(&server, "/000000000000/q", &format!("Action={action}&QueueName=x")).await;
        assert!(head.starts_with("HTTP/1.1 400"));
        assert!(body.contains("<Code>InvalidAction</Code>"), "{body}");
        assert!(body.contains(&format!("The action {action} is not valid for this endpoint.")));
    }
    // Another queue's path does not matter here.
    let (head, _) = form(&server, "/000000000000/other", "Action=GetQueueUrl&QueueName=q").await;
    assert!(head.starts_with("HTTP/1.1 200"));
    // The parameter wins over the path.
    let param = format!("Action=GetQueueAttributes&AttributeName=QueueArn&QueueUrl={}", crate::server::percent(&url));
    let (head, body) = form(&server, "/000000000000/other", &param).await;
    assert!(head.starts_with("HTTP/1.1 200") && body.contains(":q</Value>"), "{body}");
    // JSON to a queue's path.
    let headers = "Content-Type: application/x-amz-json-1.1; charset=utf-8\r\nX-Amz-Target: AmazonSQS.SendMessage\r\n";
    let body = json!({ "QueueUrl": url, "MessageBody": "x" }).to_string();
    let answer = exchange(server.addr, &post(server.addr, "/000000000000/q", headers, body.as_bytes())).await;
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

/// What forms with empty fields and older serializers send.
#[tokio::test]
async fn parameters_without_a_value() {
    let server = Server::start().await;
    let url = server.queue("q", json!({})).await;
    let policy = json!({ "deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:q", "maxReceiveCount": 3 });
    server.queue("source", json!({ "RedrivePolicy": policy.to_string() })).await;
    for (path, body) in [
        ("/000000000000/q", "Action=SendMessage&MessageBody=hi&DelaySeconds="),
        (
            "/000000000000/q",
            "Action=SendMessageBatch&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=hi\
             &SendMessageBatchRequestEntry.1.DelaySeconds",
        ),
        (
            "/000000000000/q",
            "Action=ReceiveMessage&QueueUrl=&WaitTimeSeconds=&MaxNumberOfMessages&VisibilityTimeout=&AttributeName=&MessageAttributeNames",
        ),
        ("/000000000000/q", "Action=SetQueueAttributes&Attribute.1.Name=Policy&Attribute.1.Value"),
        ("/", "Action=ListQueues&QueueNamePrefix=&MaxResults=&NextToken="),
        ("/", "Action=CreateQueue&QueueName=new&Attribute&Tag="),
        ("/", "Action=GetQueueUrl&QueueName=q&QueueOwnerAWSAccountId="),
        ("/", "Action=ListMessageMoveTasks&SourceArn=arn:aws:sqs:us-east-1:000000000000:q&MaxResults"),
        (
            "/",
            "Action=StartMessageMoveTask&SourceArn=arn:aws:sqs:us-east-1:000000000000:q&DestinationArn=&MaxNumberOfMessagesPerSecond=",
        ),
    ] {
        let (head, answer) = form(&server, path, body).await;
        assert!(head.starts_with("HTTP/1.1 200"), "{body}: {answer}");
    }
    assert_eq!(server.attribute(&url, "Policy").await, "");
    for (body, says) in [
        ("Action=SendMessage&MessageBody", "The request must contain the parameter MessageBody."),
        (
            "Action=ChangeMessageVisibility&ReceiptHandle=x&VisibilityTimeout=",
            "The request must contain the parameter VisibilityTimeout.",
        ),
        ("Action=DeleteMessage&ReceiptHandle=", "The request must contain the parameter ReceiptHandle."),
        (
            "Action=SendMessageBatch&Entries=",
            "There should be at least one SendMessageBatchRequestEntry in the request.",
        ),
    ] {
        let (head, answer) = form(&server, "/000000000000/q", body).await;
        assert!(head.starts_with("HTTP/1.1 400") && answer.contains(says), "{body}: {answer}");
    }
}
