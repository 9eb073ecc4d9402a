"""FIFO queues: order and locking per group, deduplication, attempts, sequence numbers."""

import hashlib


def send(sqs, url, body, group="g", **options):
    return sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, **{"MessageDeduplicationId": body, **options})


def bodies(messages):
    return [m["Body"] for m in messages]


def test_order_and_attributes(sqs, queue, tools):
    url = queue(fifo=True)
    sent = [send(sqs, url, str(number)) for number in range(5)]
    numbers = [one["SequenceNumber"] for one in sent]
    assert all(len(one) == 20 and one.isdigit() for one in numbers) and numbers == sorted(numbers) and len(set(numbers)) == 5
    messages = tools.receive(url, 10, AttributeNames=["All"])
    assert bodies(messages) == ["0", "1", "2", "3", "4"]
    system = messages[0]["Attributes"]
    assert (system["MessageGroupId"], system["MessageDeduplicationId"], system["SequenceNumber"]) == ("g", "0", numbers[0])


def test_a_group_is_locked_while_its_head_is_in_flight(sqs, queue, tools):
    url = queue(fifo=True)
    for number in range(4):
        send(sqs, url, str(number))
    first = tools.receive(url, 2)
    assert bodies(first) == ["0", "1"]
    assert tools.receive(url, 10) == []
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first[0]["ReceiptHandle"])
    assert tools.receive(url, 10) == []
    send(sqs, url, "other", group="h")
    assert bodies(tools.receive(url, 10)) == ["other"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first[1]["ReceiptHandle"])
    assert bodies(tools.receive(url, 10)) == ["2", "3"]


def test_giving_back_keeps_order(sqs, queue, tools):
    url = queue(fifo=True)
    for number in range(3):
        send(sqs, url, str(number))
    first = tools.receive(url, 3)
    for message in reversed(first):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert bodies(tools.receive(url, 10)) == ["0", "1", "2"]


def test_only_what_precedes_the_one_in_flight(sqs, queue, tools):
    url = queue(fifo=True)
    for number in (1, 2, 3):
        send(sqs, url, str(number))
    held = tools.receive(url, 3)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=held[0]["ReceiptHandle"], VisibilityTimeout=0)
    assert bodies(tools.receive(url, 10)) == ["1"]


def test_expired_handles(sqs, queue, tools):
    url = queue(fifo=True)
    send(sqs, url, "x")
    (message,) = tools.receive(url, VisibilityTimeout=1)
    (again,) = tools.receive(url, wait=5)
    assert again["Body"] == "x"
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=0)
    with tools.fails("InvalidParameterValue", "The receipt handle has expired"):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert tools.counts(url)[0] == 1
    (last,) = tools.receive(url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=last["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=last["ReceiptHandle"])


def test_several_groups_in_one_receive(sqs, queue, tools):
    url = queue(fifo=True)
    for group in "abc":
        for number in range(2):
            send(sqs, url, f"{group}{number}", group=group)
    found = bodies(tools.receive(url, 10))
    assert len(found) == 6
    for group in "abc":
        assert [one for one in found if one[0] == group] == [f"{group}0", f"{group}1"]


def test_deduplication(sqs, queue, tools):
    url = queue(fifo=True)
    one = send(sqs, url, "first", MessageDeduplicationId="same")
    two = send(sqs, url, "second", group="another", MessageDeduplicationId="same")
    assert (two["MessageId"], two["SequenceNumber"]) == (one["MessageId"], one["SequenceNumber"])
    (message,) = tools.receive(url, 10)
    assert message["Body"] == "first"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert send(sqs, url, "third", MessageDeduplicationId="same")["MessageId"] == one["MessageId"]
    assert tools.counts(url) == (0, 0, 0)
    sqs.purge_queue(QueueUrl=url)
    assert send(sqs, url, "fourth", MessageDeduplicationId="same")["MessageId"] != one["MessageId"]


def test_deduplication_by_content(sqs, queue, tools):
    url = queue(fifo=True, ContentBasedDeduplication="true")
    attributes = {"a": {"DataType": "String", "StringValue": "1"}}
    one = sqs.send_message(QueueUrl=url, MessageBody="same", MessageGroupId="g")
    two = sqs.send_message(QueueUrl=url, MessageBody="same", MessageGroupId="g", MessageAttributes=attributes)
    assert one["MessageId"] == two["MessageId"]
    assert send(sqs, url, "same", MessageDeduplicationId="explicit")["MessageId"] != one["MessageId"]
    messages = tools.receive(url, 10, AttributeNames=["MessageDeduplicationId"])
    assert [m["Attributes"]["MessageDeduplicationId"] for m in messages] == [hashlib.sha256(b"same").hexdigest(), "explicit"]


def test_deduplication_per_group(sqs, queue, tools):
    url = queue(fifo=True, DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    one = send(sqs, url, "x", group="a", MessageDeduplicationId="same")
    assert send(sqs, url, "y", group="b", MessageDeduplicationId="same")["MessageId"] != one["MessageId"]
    assert send(sqs, url, "z", group="a", MessageDeduplicationId="same")["MessageId"] == one["MessageId"]
    assert tools.counts(url)[0] == 2


def test_duplicates_in_one_batch(sqs, queue, tools):
    url = queue(fifo=True)
    entry = {"MessageGroupId": "g", "MessageDeduplicationId": "same"}
    answer = sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "x", **entry}, {"Id": "b", "MessageBody": "y", **entry}])
    assert len({one["MessageId"] for one in answer["Successful"]}) == 1 and len(answer["Successful"]) == 2
    assert tools.counts(url)[0] == 1


def test_what_is_required(sqs, queue, tools):
    url = queue(fifo=True)
    with tools.fails("MissingParameter", "The request must contain the parameter MessageGroupId."):
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageDeduplicationId="d")
    with tools.fails("InvalidParameterValue", "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"):
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    with tools.fails("InvalidParameterValue", "The request must contain the parameter MessageGroupId."):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "x", "MessageDeduplicationId": "d"}])
    with tools.fails("InvalidParameterValue", "The request include parameter that is not valid for this queue type"):
        send(sqs, url, "x", DelaySeconds=2)
    for bad in ("a b", "x" * 129, "\u20ac"):
        with tools.fails("InvalidParameterValue", "MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length."):
            send(sqs, url, "x", group=bad)
        with tools.fails("InvalidParameterValue", "MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to 128 in length."):
            send(sqs, url, "x", MessageDeduplicationId=bad)
    send(sqs, url, "zero-is-fine", DelaySeconds=0)
    assert tools.counts(url)[0] == 1


def test_attempts(sqs, queue, tools):
    url = queue(fifo=True)
    for number in range(3):
        send(sqs, url, str(number))
    first = tools.receive(url, 2, ReceiveRequestAttemptId="attempt")
    again = tools.receive(url, 2, ReceiveRequestAttemptId="attempt")
    assert [(m["MessageId"], m["ReceiptHandle"]) for m in again] == [(m["MessageId"], m["ReceiptHandle"]) for m in first]
    assert tools.receive(url, 2, ReceiveRequestAttemptId="another") == []
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first[0]["ReceiptHandle"])
    assert bodies(tools.receive(url, 2, ReceiveRequestAttemptId="attempt")) != ["0", "1"]


def test_exclusive_groups_under_several_workers(sqs, queue, tools):
    """Workers take what they get; within a group nothing overtakes and nothing overlaps."""
    import threading

    url = queue(fifo=True)
    groups, per_group = [f"g{n}" for n in range(8)], 25
    for number in range(per_group):
        sqs.send_message_batch(
            QueueUrl=url, Entries=[{"Id": g, "MessageBody": f"{g} {number}", "MessageGroupId": g, "MessageDeduplicationId": f"{g}-{number}"} for g in groups]
        )
    done, busy, faults, lock = {g: [] for g in groups}, set(), [], threading.Lock()

    def work():
        while sum(len(one) for one in done.values()) < per_group * len(groups) and not faults:
            messages = tools.receive(url, 3, wait=1)
            mine = {m["Body"].split()[0] for m in messages}
            with lock:
                if mine & busy:
                    faults.append(f"{mine & busy} in two hands")
                busy.update(mine)
            for message in messages:
                group, number = message["Body"].split()
                with lock:
                    done[group].append(int(number))
            with lock:
                busy.difference_update(mine)
            if messages:
                sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)])

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not faults
    assert all(one == list(range(per_group)) for one in done.values()), done
