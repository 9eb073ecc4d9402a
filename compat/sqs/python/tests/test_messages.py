"""Sending, receiving, deleting, visibility, batches, sizes and checksums on standard queues."""

import hashlib
import struct
import threading
import time

import pytest


def md5(text):
    return hashlib.md5(text if isinstance(text, bytes) else text.encode()).hexdigest()


def md5_of_attributes(attributes):
    """As the clients compute it."""
    made = b""
    for name in sorted(attributes):
        one = attributes[name]
        kind = one["DataType"].encode()
        value = one["BinaryValue"] if kind.startswith(b"Binary") else one["StringValue"].encode()
        made += struct.pack(">I", len(name)) + name.encode() + struct.pack(">I", len(kind)) + kind
        made += (b"\x02" if kind.startswith(b"Binary") else b"\x01") + struct.pack(">I", len(value)) + value
    return hashlib.md5(made).hexdigest()


ATTRIBUTES = {
    "text": {"DataType": "String", "StringValue": "There \u20ac & <b>\"quoted\"</b>\r\n"},
    "number": {"DataType": "Number", "StringValue": "1493147359900.50"},
    "labelled": {"DataType": "Number.int", "StringValue": "7"},
    "bytes": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
    "bytes.png": {"DataType": "Binary.png", "BinaryValue": b"\x89PNG\r\n"},
}


def test_send_receive_delete(sqs, queue, tools):
    url = queue()
    sent = sqs.send_message(QueueUrl=url, MessageBody="hello", MessageAttributes=ATTRIBUTES)
    assert sent["MD5OfMessageBody"] == md5("hello")
    assert sent["MD5OfMessageAttributes"] == md5_of_attributes(ATTRIBUTES)
    assert "SequenceNumber" not in sent
    (message,) = tools.receive(url, 10, wait=2, AttributeNames=["All"], MessageAttributeNames=["All"])
    assert message["MessageId"] == sent["MessageId"]
    assert (message["Body"], message["MD5OfBody"]) == ("hello", md5("hello"))
    assert message["MessageAttributes"] == ATTRIBUTES
    assert message["MD5OfMessageAttributes"] == md5_of_attributes(ATTRIBUTES)
    system = message["Attributes"]
    assert set(system) == {"SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp"}
    assert system["ApproximateReceiveCount"] == "1"
    assert abs(int(system["SentTimestamp"]) / 1000 - time.time()) < 60
    assert tools.counts(url) == (0, 1, 0)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert tools.counts(url) == (0, 0, 0)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


@pytest.mark.parametrize(
    "body", ["x", "\u20ac\U0001f600", "a\r\nb\nc\td", '<a href="x">&amp;</a>', "]]>", " leading and trailing ", "\r", "{\"json\": \"\\u0000\"}", "x" * 100_000]
)
def test_bodies_come_back_as_they_were(sqs, queue, tools, body):
    url = queue()
    assert sqs.send_message(QueueUrl=url, MessageBody=body)["MD5OfMessageBody"] == md5(body)
    (message,) = tools.receive(url, wait=2)
    assert (message["Body"], message["MD5OfBody"]) == (body, md5(body))


def test_which_attributes_are_returned(sqs, queue, tools):
    url = queue(VisibilityTimeout="0")
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=ATTRIBUTES)
    for names, wanted in (
        (["All"], set(ATTRIBUTES)), ([".*"], set(ATTRIBUTES)), (["text"], {"text"}), (["bytes.*"], {"bytes", "bytes.png"}), (["Text"], set()), (["nosuch"], set()),
        (["text", "number", "nosuch"], {"text", "number"}), (None, set()),
    ):
        options = {} if names is None else {"MessageAttributeNames": names}
        (message,) = tools.receive(url, wait=2, **options)
        found = message.get("MessageAttributes", {})
        if names == ["bytes.*"]:
            assert {"bytes.png"} <= set(found) <= wanted, names
        else:
            assert set(found) == wanted, names
        assert message.get("MD5OfMessageAttributes") == (md5_of_attributes(found) if found else None), names
        assert "Attributes" not in message
    (message,) = tools.receive(url, wait=2, AttributeNames=["SentTimestamp", "SequenceNumber"])
    assert set(message["Attributes"]) == {"SentTimestamp"}


def test_trace_header(sqs, queue, tools):
    url = queue()
    header = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"}}
    sent = sqs.send_message(QueueUrl=url, MessageBody="x", MessageSystemAttributes=header)
    assert sent["MD5OfMessageSystemAttributes"] == "5ae4d5d7636402d80f4eb6d213245a88"
    assert "MD5OfMessageAttributes" not in sent
    (message,) = tools.receive(url, wait=2, AttributeNames=["AWSTraceHeader"])
    assert message["Attributes"] == {"AWSTraceHeader": header["AWSTraceHeader"]["StringValue"]}


def test_older_first_and_returned_before_newer(sqs, queue, tools):
    url = queue()
    tools.send(url, *"abcdef")
    first = tools.receive(url, 3)
    assert [m["Body"] for m in first] == ["a", "b", "c"]
    for message in reversed(first[:2]):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert [m["Body"] for m in tools.receive(url, 10)] == ["a", "b", "d", "e", "f"]


def test_visibility_ends(sqs, queue, tools):
    url = queue(VisibilityTimeout="1")
    tools.send(url, "x")
    counts = []
    for _ in range(3):
        (message,) = tools.receive(url, wait=5, AttributeNames=["ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp"])
        counts.append(message["Attributes"]["ApproximateReceiveCount"])
        first = message["Attributes"]["ApproximateFirstReceiveTimestamp"]
        assert tools.receive(url) == []
    assert counts == ["1", "2", "3"]
    assert int(first) / 1000 < time.time() - 1


def test_visibility_per_receive(sqs, queue, tools):
    url = queue()
    tools.send(url, "x")
    (one,) = tools.receive(url, VisibilityTimeout=0)
    (two,) = tools.receive(url, VisibilityTimeout=0)
    assert one["ReceiptHandle"] != two["ReceiptHandle"] and one["MessageId"] == two["MessageId"]
    (three,) = tools.receive(url)
    assert tools.receive(url) == []
    # Any handle ever given deletes a standard queue's message.
    sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    assert tools.counts(url) == (0, 0, 0)
    with tools.fails("InvalidParameterValue", "Message does not exist or is not available for visibility timeout change."):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=three["ReceiptHandle"], VisibilityTimeout=5)


def test_giving_back_wakes_a_waiting_receive(sqs, queue, tools):
    url, found = queue(), []
    tools.send(url, "x")
    (held,) = tools.receive(url)
    thread = threading.Thread(target=lambda: found.extend(tools.receive(url, wait=20)))
    begun = time.monotonic()
    thread.start()
    time.sleep(0.3)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=held["ReceiptHandle"], VisibilityTimeout=0)
    thread.join(tools.patience)
    assert [m["Body"] for m in found] == ["x"] and time.monotonic() - begun < 15


def test_long_polls(sqs, queue, tools):
    url, found = queue(ReceiveMessageWaitTimeSeconds="20"), []
    begun = time.monotonic()
    assert tools.receive(url, wait=1) == []
    assert 0.9 < time.monotonic() - begun < 10
    threads = [threading.Thread(target=lambda: found.extend(sqs.receive_message(QueueUrl=url).get("Messages", []))) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    tools.send(url, "a", "b", "c")
    for thread in threads:
        thread.join(tools.patience)
    assert sorted(m["Body"] for m in found) == ["a", "b", "c"]


def test_delays(sqs, queue, tools):
    url = queue(DelaySeconds="60")
    tools.send(url, "queue's own")
    tools.send(url, "none", DelaySeconds=0)
    tools.send(url, "one", DelaySeconds=1)
    assert tools.counts(url) == (1, 0, 2)
    assert [m["Body"] for m in tools.receive(url, 10)] == ["none"]
    assert [m["Body"] for m in tools.receive(url, 10, wait=10)] == ["one"]
    for bad in (901, -1):
        with tools.fails("InvalidParameterValue", f"Value {bad} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."):
            tools.send(url, "x", DelaySeconds=bad)


def test_ranges_of_receive(sqs, queue, tools):
    url = queue()
    for option, bad, words in (
        ("MaxNumberOfMessages", 11, "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."),
        ("MaxNumberOfMessages", 0, "Value 0 for parameter MaxNumberOfMessages is invalid."),
        ("WaitTimeSeconds", 21, "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided."),
        ("VisibilityTimeout", 43201, "Value 43201 for parameter VisibilityTimeout is invalid."),
    ):
        with tools.fails("InvalidParameterValue", words):
            sqs.receive_message(QueueUrl=url, **{option: bad})


def test_receipt_handles(sqs, queue, tools):
    url, other = queue(), queue()
    tools.send(url, "x")
    (message,) = tools.receive(url)
    with tools.fails("ReceiptHandleIsInvalid", 'The input receipt handle "rubbish" is not a valid receipt handle.', 400):
        sqs.delete_message(QueueUrl=url, ReceiptHandle="rubbish")
    with tools.fails("ReceiptHandleIsInvalid"):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle="rubbish", VisibilityTimeout=1)
    handle = message["ReceiptHandle"]
    forged = handle[:-2] + ("A" if handle[-2] != "A" else "B") + handle[-1]
    with tools.fails("ReceiptHandleIsInvalid"):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=forged)
    with tools.fails("ReceiptHandleIsInvalid"):
        sqs.delete_message(QueueUrl=other, ReceiptHandle=handle)
    for bad in (43201, -1):
        with tools.fails("InvalidParameterValue"):
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=bad)
    assert len(handle) <= 1024


def test_sizes(sqs, queue, tools):
    url = queue()
    largest = "x" * 1_048_576
    assert sqs.send_message(QueueUrl=url, MessageBody=largest)["MD5OfMessageBody"] == md5(largest)
    assert tools.receive(url, wait=2)[0]["Body"] == largest
    words = "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."
    with tools.fails("InvalidParameterValue", words):
        sqs.send_message(QueueUrl=url, MessageBody=largest + "x")
    with tools.fails("InvalidParameterValue", words):  # name, type and value count too
        sqs.send_message(QueueUrl=url, MessageBody="x" * 1_048_566, MessageAttributes={"abcd": {"DataType": "String", "StringValue": "x"}})
    small = queue(MaximumMessageSize="1024")
    tools.send(small, "\u20ac" * 341)
    with tools.fails("InvalidParameterValue", "Message must be shorter than 1024 bytes."):
        tools.send(small, "\u20ac" * 342)


def test_bad_messages(sqs, queue, tools):
    url = queue()
    with tools.fails("MissingParameter", "The request must contain the parameter MessageBody."):
        sqs.send_message(QueueUrl=url, MessageBody="")
    if tools.json:  # the other client's XML and forms have no such characters
        with tools.fails("InvalidMessageContents"):
            sqs.send_message(QueueUrl=url, MessageBody="a\x01b")
    for attributes in (
        {"x": {"DataType": "String", "StringValue": ""}}, {"x": {"DataType": "Nosuch", "StringValue": "x"}}, {"x": {"DataType": "Number", "StringValue": "x"}},
        {"aws.x": {"DataType": "String", "StringValue": "x"}}, {".x": {"DataType": "String", "StringValue": "x"}}, {"x.": {"DataType": "String", "StringValue": "x"}},
        {"a..b": {"DataType": "String", "StringValue": "x"}}, {"x" * 257: {"DataType": "String", "StringValue": "x"}},
        {f"n{number}": {"DataType": "String", "StringValue": "x"} for number in range(11)},
    ):
        with tools.fails("InvalidParameterValue"):
            sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=attributes)
    with tools.fails("InvalidParameterValue", "The request includes a parameter that is not valid for this queue type"):
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageDeduplicationId="d")
    assert tools.counts(url) == (0, 0, 0)


def test_batches(sqs, queue, tools):
    url = queue()
    entries = [{"Id": f"id-{n}", "MessageBody": f"body {n}", "MessageAttributes": {"n": {"DataType": "Number", "StringValue": str(n)}}} for n in range(10)]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert "Failed" not in answer and {one["Id"] for one in answer["Successful"]} == {e["Id"] for e in entries}
    for one in answer["Successful"]:
        assert one["MD5OfMessageBody"] == md5(f"body {one['Id'][3:]}")
    messages = tools.drain(url, 10, MessageAttributeNames=["All"])
    assert [m["Body"] for m in messages] == [f"body {n}" for n in range(10)]
    changed = sqs.change_message_visibility_batch(
        QueueUrl=url,
        Entries=[{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"], "VisibilityTimeout": 0} for n, m in enumerate(messages[:5])]
        + [{"Id": "bad", "ReceiptHandle": "rubbish", "VisibilityTimeout": 0}],
    )
    assert {one["Id"] for one in changed["Successful"]} == {"0", "1", "2", "3", "4"}
    (failed,) = changed["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("bad", "ReceiptHandleIsInvalid", True)
    assert tools.counts(url) == (5, 5, 0)
    deleted = sqs.delete_message_batch(
        QueueUrl=url,
        Entries=[{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages[1:])] + [{"Id": "junk", "ReceiptHandle": "junk"}],
    )
    assert len(deleted["Successful"]) == 9
    (failed,) = deleted["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("junk", "ReceiptHandleIsInvalid", True)
    assert failed["Message"] == 'The input receipt handle "junk" is not a valid receipt handle.'
    assert tools.counts(url) == (1, 0, 0)


def test_batch_entries_fail_alone(sqs, queue, tools):
    url = queue(MaximumMessageSize="1024")
    answer = sqs.send_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "good", "MessageBody": "x"}, {"Id": "long", "MessageBody": "x" * 1025}, {"Id": "delay", "MessageBody": "x", "DelaySeconds": 901},
            {"Id": "attribute", "MessageBody": "x", "MessageAttributes": {"x": {"DataType": "Nosuch", "StringValue": "x"}}},
        ],
    )
    assert [one["Id"] for one in answer["Successful"]] == ["good"]
    failed = {one["Id"]: one for one in answer["Failed"]}
    assert set(failed) == {"long", "delay", "attribute"} and all(one["SenderFault"] for one in failed.values())
    assert failed["long"]["Code"] == "InvalidParameterValue"
    assert failed["long"]["Message"] == "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes."
    assert tools.counts(url) == (1, 0, 0)


def test_batches_refused_as_a_whole(sqs, queue, tools):
    url = queue()
    prefix = "AWS.SimpleQueueService."
    with tools.fails(prefix + "TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent 11.", typed="TooManyEntriesInBatchRequest"):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "x"} for n in range(11)])
    with tools.fails(prefix + "BatchEntryIdsNotDistinct", "Id a repeated.", typed="BatchEntryIdsNotDistinct"):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "x"}, {"Id": "a", "MessageBody": "y"}])
    for bad in ("a b", "x" * 81, "", "a.b"):
        with tools.fails(prefix + "InvalidBatchEntryId", "alphanumeric characters, hyphens and underscores", typed="InvalidBatchEntryId"):
            sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": bad, "MessageBody": "x"}])
    with tools.fails(prefix + "EmptyBatchRequest", "There should be at least one SendMessageBatchRequestEntry in the request.", typed="EmptyBatchRequest"):
        sqs.send_message_batch(QueueUrl=url, Entries=[])
    with tools.fails(prefix + "EmptyBatchRequest", "There should be at least one DeleteMessageBatchRequestEntry in the request."):
        sqs.delete_message_batch(QueueUrl=url, Entries=[])
    with tools.fails(prefix + "BatchRequestTooLong", "Batch requests cannot be longer than 1048576 bytes. You have sent 1048580 bytes.", typed="BatchRequestTooLong"):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "x" * 262_145} for n in range(4)])
    assert tools.counts(url) == (0, 0, 0)


def test_groups_on_a_standard_queue(sqs, queue, tools):
    url = queue()
    tools.send(url, "a", MessageGroupId="one")
    tools.send(url, "b", MessageGroupId="one")
    messages = tools.drain(url, 2, AttributeNames=["MessageGroupId"])
    assert [m["Attributes"]["MessageGroupId"] for m in messages] == ["one", "one"]


def test_quieter_groups_are_not_starved(sqs, queue, tools):
    url = queue()
    for start in range(0, 40, 10):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "loud", "MessageGroupId": "loud"} for n in range(start, start + 10)])
    for _ in range(2):
        assert len(tools.receive(url, 10)) == 10
    tools.send(url, "quiet", MessageGroupId="quiet")
    assert "quiet" in [m["Body"] for m in tools.receive(url, 10)]


def test_resource_interface(endpoint, unique, tools):
    """The object interface of boto3, as many examples use it."""
    import boto3

    resource = boto3.resource("sqs", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    queue = resource.create_queue(QueueName=unique(), Attributes={"DelaySeconds": "0"})
    assert resource.get_queue_by_name(QueueName=queue.url.rsplit("/", 1)[1]).url == queue.url
    queue.send_message(MessageBody="boto3", MessageAttributes={"Author": {"StringValue": "Daniel", "DataType": "String"}})
    (message,) = queue.receive_messages(MessageAttributeNames=["Author"], WaitTimeSeconds=2)
    assert message.message_attributes["Author"]["StringValue"] == "Daniel"
    message.change_visibility(VisibilityTimeout=10)
    message.delete()
    assert queue.attributes["ApproximateNumberOfMessages"] == "0"
    queue.delete()


def test_empty_lists(sqs, queue, tools):
    """botocore's Query form of an empty list is a parameter without a value."""
    url = queue()
    tools.send(url, "a")
    (message,) = sqs.receive_message(QueueUrl=url, AttributeNames=[], MessageAttributeNames=[])["Messages"]
    assert "Attributes" not in message and "MessageAttributes" not in message
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[])
    with tools.fails("AWS.SimpleQueueService.EmptyBatchRequest"):
        sqs.delete_message_batch(QueueUrl=url, Entries=[])
