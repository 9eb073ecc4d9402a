"""Dead letters and moving them back."""

import json

import pytest


def with_dead_letters(queue, tools, times=2, fifo=False, **attributes):
    dead = queue(fifo=fifo)
    policy = {"deadLetterTargetArn": tools.arn(dead), "maxReceiveCount": times}
    return dead, queue(fifo=fifo, RedrivePolicy=policy, **attributes)


def exhaust(sqs, tools, url, times, count=1):
    """Receives and gives back until the next receive moves the messages."""
    for _ in range(times):
        messages = tools.receive(url, 10, VisibilityTimeout=0)
        assert len(messages) == count, messages
    assert tools.receive(url, 10) == []


def test_moving_after_too_many_receives(sqs, queue, tools):
    dead, url = with_dead_letters(queue, tools)
    attributes = {"k": {"DataType": "String", "StringValue": "v"}}
    sent = sqs.send_message(QueueUrl=url, MessageBody="poison", MessageAttributes=attributes)
    (before,) = tools.receive(url, 10, VisibilityTimeout=0, AttributeNames=["All"])
    exhaust(sqs, tools, url, 1)
    (message,) = tools.drain(dead, 1, AttributeNames=["All"], MessageAttributeNames=["All"])
    assert (message["MessageId"], message["Body"], message["MessageAttributes"]) == (sent["MessageId"], "poison", attributes)
    assert message["Attributes"]["ApproximateReceiveCount"] == "3"
    assert message["Attributes"]["SentTimestamp"] == before["Attributes"]["SentTimestamp"]
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == tools.arn(url)
    assert tools.counts(url) == (0, 0, 0)


def test_fifo_dead_letters(sqs, queue, tools):
    dead, url = with_dead_letters(queue, tools, times=1, fifo=True)
    sent = [sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g", MessageDeduplicationId=body) for body in ("a", "b")]
    (first,) = tools.receive(url, 1, VisibilityTimeout=0)
    assert first["Body"] == "a"
    # The next receive moves the first and frees its group.
    (second,) = tools.drain(url, 1)
    assert second["Body"] == "b"
    (message,) = tools.drain(dead, 1, AttributeNames=["All"])
    assert message["MessageId"] == sent[0]["MessageId"]
    assert message["Attributes"]["MessageGroupId"] == "g"
    assert message["Attributes"]["MessageDeduplicationId"] == sent[0]["MessageId"]


def test_redrive_to_the_source(sqs, queue, tools):
    dead, url = with_dead_letters(queue, tools, times=1)
    sent = [one["MessageId"] for one in tools.send(url, "a", "b", "c")]
    exhaust(sqs, tools, url, 1, count=3)
    tools.eventually(lambda: tools.counts(dead)[0] == 3)
    task = sqs.start_message_move_task(SourceArn=tools.arn(dead))
    assert task["TaskHandle"]
    messages = tools.drain(url, 3, AttributeNames=["ApproximateReceiveCount"])
    assert [m["Body"] for m in messages] == ["a", "b", "c"]
    assert not {m["MessageId"] for m in messages} & set(sent)
    assert {m["Attributes"]["ApproximateReceiveCount"] for m in messages} == {"1"}
    tools.eventually(lambda: sqs.list_message_move_tasks(SourceArn=tools.arn(dead))["Results"][0]["Status"] == "COMPLETED")
    (result,) = sqs.list_message_move_tasks(SourceArn=tools.arn(dead))["Results"]
    assert (result["ApproximateNumberOfMessagesMoved"], result["SourceArn"]) == (3, tools.arn(dead))
    assert "TaskHandle" not in result and "DestinationArn" not in result
    assert tools.counts(dead) == (0, 0, 0)


def test_redrive_to_a_source_that_was_made_again(sqs, queue, tools):
    dead, url = with_dead_letters(queue, tools, times=1)
    queue(RedrivePolicy={"deadLetterTargetArn": tools.arn(dead), "maxReceiveCount": 5})
    tools.send(url, "a")
    exhaust(sqs, tools, url, 1)
    tools.eventually(lambda: tools.counts(dead)[0] == 1)
    sqs.delete_queue(QueueUrl=url)
    sqs.start_message_move_task(SourceArn=tools.arn(dead))
    tools.eventually(lambda: sqs.list_message_move_tasks(SourceArn=tools.arn(dead))["Results"][0]["Status"] == "FAILED")
    (result,) = sqs.list_message_move_tasks(SourceArn=tools.arn(dead))["Results"]
    assert result["FailureReason"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert sqs.create_queue(QueueName=url.rsplit("/", 1)[1])["QueueUrl"] == url
    sqs.start_message_move_task(SourceArn=tools.arn(dead))
    assert [m["Body"] for m in tools.drain(url, 1)] == ["a"]


def test_a_late_delete_reaches_the_dead_letter_queue(sqs, queue, tools):
    dead, url = with_dead_letters(queue, tools, times=1)
    tools.send(url, "slow", "lost")
    slow, _ = tools.receive(url, 10, VisibilityTimeout=0)
    assert tools.receive(url, 10) == []
    sqs.delete_message(QueueUrl=url, ReceiptHandle=slow["ReceiptHandle"])
    assert [m["Body"] for m in tools.drain(dead, 1)] == ["lost"]
    assert tools.counts(dead)[0] == 0


def test_redrive_elsewhere(sqs, queue, tools):
    dead, url = with_dead_letters(queue, tools, times=1)
    elsewhere = queue()
    tools.send(url, "a")
    exhaust(sqs, tools, url, 1)
    tools.eventually(lambda: tools.counts(dead)[0] == 1)
    sqs.start_message_move_task(SourceArn=tools.arn(dead), DestinationArn=tools.arn(elsewhere), MaxNumberOfMessagesPerSecond=100)
    assert [m["Body"] for m in tools.drain(elsewhere, 1)] == ["a"]
    (result,) = sqs.list_message_move_tasks(SourceArn=tools.arn(dead))["Results"]
    assert (result["DestinationArn"], result["MaxNumberOfMessagesPerSecond"]) == (tools.arn(elsewhere), 100)


def test_cancel(sqs, queue, tools):
    dead, url = with_dead_letters(queue, tools, times=1)
    for start in range(0, 20, 10):
        sqs.send_message_batch(QueueUrl=dead, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(start, start + 10)])
    elsewhere = queue()
    handle = sqs.start_message_move_task(SourceArn=tools.arn(dead), DestinationArn=tools.arn(elsewhere), MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    with tools.fails("InvalidParameterValue", "There is already a task running."):
        sqs.start_message_move_task(SourceArn=tools.arn(dead))
    (result,) = sqs.list_message_move_tasks(SourceArn=tools.arn(dead))["Results"]
    assert (result["Status"], result["TaskHandle"]) == ("RUNNING", handle)
    moved = sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"]
    assert moved < 20
    tools.eventually(lambda: sqs.list_message_move_tasks(SourceArn=tools.arn(dead))["Results"][0]["Status"] == "CANCELLED")
    assert tools.counts(dead)[0] + tools.counts(elsewhere)[0] == 20


def test_errors_of_move_tasks(sqs, queue, tools):
    plain = queue()
    arn = tools.arn(plain)
    with tools.fails("ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist.", 404):
        sqs.start_message_move_task(SourceArn=arn + "-nosuch")
    with tools.fails("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue."):
        sqs.start_message_move_task(SourceArn=arn)
    with tools.fails("ResourceNotFoundException", None, 404):
        sqs.list_message_move_tasks(SourceArn=arn + "-nosuch")
    with tools.fails("InvalidParameterValue", "Value for parameter TaskHandle is invalid."):
        sqs.cancel_message_move_task(TaskHandle="rubbish")


@pytest.mark.parametrize("path", ["", "/us-east-1/000000000000"])
def test_peeking_as_localstack_has_it(sqs, queue, tools, endpoint, path):
    """/_aws/sqs/messages shows messages and changes nothing."""
    import urllib.parse
    import urllib.request
    from xml.etree import ElementTree

    url = queue()
    tools.send(url, "a", "b")
    name = url.rsplit("/", 1)[1]
    address = f"{endpoint}/_aws/sqs/messages{path}/{name}" if path else f"{endpoint}/_aws/sqs/messages?QueueUrl={urllib.parse.quote(url, safe='')}"
    for _ in range(2):
        with urllib.request.urlopen(address) as answer:
            root = ElementTree.fromstring(answer.read())
        assert [element.text for element in root.iter() if element.tag.endswith("}Body") or element.tag == "Body"] == ["a", "b"]
        request = urllib.request.Request(address, headers={"Accept": "application/json"})
        with urllib.request.urlopen(request) as answer:
            assert '"a"' in json.dumps(json.load(answer))
    assert tools.counts(url) == (2, 0, 0)
    with urllib.request.urlopen(f"{endpoint}/_localstack/health") as answer:
        assert json.load(answer)["services"]["sqs"] in ("available", "running")
