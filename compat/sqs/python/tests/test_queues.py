"""Creating, listing, changing, tagging and deleting queues."""

import json

import pytest

MISSING = "AWS.SimpleQueueService.NonExistentQueue"


def test_create_and_find(sqs, unique, tools, endpoint):
    name = unique()
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    assert url.startswith(f"{endpoint}/") and url.endswith(f"/{name}")
    account = url.split("/")[-2]
    assert len(account) == 12 and account.isdigit()
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == url
    assert sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"] == url
    assert tools.arn(url) == f"arn:aws:sqs:us-east-1:{account}:{name}"
    sqs.delete_queue(QueueUrl=url)
    with tools.fails(MISSING, "The specified queue does not exist", typed="QueueDoesNotExist"):
        sqs.get_queue_url(QueueName=name)
    with tools.fails(MISSING):
        sqs.delete_queue(QueueUrl=url)


def test_typed_exception(sqs, unique):
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName=unique())


def test_names(sqs, tools, unique):
    words = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
    for bad in ("a b", "a.b", "x" * 81, "caf\u00e9", "a/b"):
        with tools.fails("InvalidParameterValue", words, typed="InvalidParameterValueException"):
            sqs.create_queue(QueueName=bad)
    for name in ("x" * 80, "-_-"):
        sqs.delete_queue(QueueUrl=sqs.create_queue(QueueName=name)["QueueUrl"])
    with tools.fails("InvalidParameterValue"):
        sqs.create_queue(QueueName=unique("q", ".fifo"))
    with tools.fails("InvalidParameterValue"):
        sqs.create_queue(QueueName=unique("q"), Attributes={"FifoQueue": "true"})


def test_creating_again(sqs, unique, tools, queue):
    url = queue(VisibilityTimeout="17", DelaySeconds="3")
    name = url.rsplit("/", 1)[1]
    assert sqs.create_queue(QueueName=name)["QueueUrl"] == url
    assert sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "17"})["QueueUrl"] == url
    with tools.fails(
        "QueueAlreadyExists", "A queue already exists with the same name and a different value for attribute VisibilityTimeout", typed="QueueNameExists"
    ):
        sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "18"})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "18"})
    assert sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "18"})["QueueUrl"] == url


def test_listing_by_prefix_and_page(sqs, unique, tools):
    prefix = unique("p")
    urls = [sqs.create_queue(QueueName=f"{prefix}-{number:02}")["QueueUrl"] for number in range(12)]
    try:
        assert sqs.list_queues(QueueNamePrefix=prefix)["QueueUrls"] == urls
        assert "NextToken" not in sqs.list_queues(QueueNamePrefix=prefix)
        pages, token = [], None
        while True:
            answer = sqs.list_queues(QueueNamePrefix=prefix, MaxResults=5, **({"NextToken": token} if token else {}))
            pages.append(answer["QueueUrls"])
            token = answer.get("NextToken")
            if not token:
                break
        assert [url for page in pages for url in page] == urls
        assert max(len(page) for page in pages) == 5
        assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=f"{prefix}-nothing")
        assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=prefix.upper() + "-")
        for bad in (0, 1001, -1):
            with tools.fails("InvalidParameterValue"):
                sqs.list_queues(QueueNamePrefix=prefix, MaxResults=bad)
        with tools.fails("InvalidParameterValue"):
            sqs.list_queues(QueueNamePrefix=prefix, MaxResults=5, NextToken="rubbish")
        assert [u for page in sqs.get_paginator("list_queues").paginate(QueueNamePrefix=prefix, PaginationConfig={"PageSize": 4}) for u in page["QueueUrls"]] == urls
    finally:
        for url in urls:
            sqs.delete_queue(QueueUrl=url)


STANDARD = {
    "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed", "CreatedTimestamp",
    "LastModifiedTimestamp", "DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod", "QueueArn", "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout", "SqsManagedSseEnabled",
}


def test_attributes_of_a_new_queue(sqs, queue):
    found = sqs.get_queue_attributes(QueueUrl=queue(), AttributeNames=["All"])["Attributes"]
    assert set(found) == STANDARD
    assert {name: found[name] for name in ("DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "VisibilityTimeout")} == {
        "DelaySeconds": "0", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600", "ReceiveMessageWaitTimeSeconds": "0", "VisibilityTimeout": "30",
    }
    found = sqs.get_queue_attributes(QueueUrl=queue(fifo=True), AttributeNames=["All"])["Attributes"]
    assert set(found) == STANDARD | {"FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"}
    assert (found["FifoQueue"], found["ContentBasedDeduplication"], found["DeduplicationScope"], found["FifoThroughputLimit"]) == ("true", "false", "queue", "perQueue")


def test_changing_attributes(sqs, queue, tools):
    url = queue()
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "0", "DelaySeconds": "900", "MessageRetentionPeriod": "60", "MaximumMessageSize": "1024"})
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout", "DelaySeconds", "MessageRetentionPeriod", "MaximumMessageSize"])["Attributes"]
    assert found == {"VisibilityTimeout": "0", "DelaySeconds": "900", "MessageRetentionPeriod": "60", "MaximumMessageSize": "1024"}
    for name, bad in (
        ("VisibilityTimeout", "43201"), ("VisibilityTimeout", "-1"), ("VisibilityTimeout", "x"), ("DelaySeconds", "901"), ("MessageRetentionPeriod", "59"),
        ("MessageRetentionPeriod", "1209601"), ("MaximumMessageSize", "1023"), ("MaximumMessageSize", "1048577"), ("ReceiveMessageWaitTimeSeconds", "21"),
    ):
        with tools.fails("InvalidAttributeValue", f"Invalid value for the parameter {name}."):
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "5", name: bad})
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])["Attributes"] == {"DelaySeconds": "900"}
    for bad in ("Nosuch", "QueueArn", "CreatedTimestamp", "ApproximateNumberOfMessages"):
        with tools.fails("InvalidAttributeName"):
            sqs.set_queue_attributes(QueueUrl=url, Attributes={bad: "1"})
    with tools.fails("InvalidAttributeName", "Unknown Attribute FifoQueue."):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"FifoQueue": "true"})
    with tools.fails("InvalidAttributeName", "Unknown Attribute Nosuch."):
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Nosuch"])
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url)
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])


def test_fifo_attributes(sqs, queue, tools):
    url = queue(fifo=True)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"ContentBasedDeduplication": "True", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"})
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"])["Attributes"]
    assert found == {"ContentBasedDeduplication": "true", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"FifoQueue": "true"})
    with tools.fails("InvalidAttributeValue", "Modifying queue type is not supported."):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"FifoQueue": "false"})
    with tools.fails("InvalidAttributeName", "You can specify the DeduplicationScope only when FifoQueue is set to true."):
        sqs.set_queue_attributes(QueueUrl=queue(), Attributes={"DeduplicationScope": "queue"})


def test_encryption_attributes_are_kept(sqs, queue, tools):
    url = queue(KmsMasterKeyId="alias/one", KmsDataKeyReusePeriodSeconds="600")
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (found["KmsMasterKeyId"], found["KmsDataKeyReusePeriodSeconds"], found["SqsManagedSseEnabled"]) == ("alias/one", "600", "false")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": ""})
    assert "KmsMasterKeyId" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    with tools.fails("InvalidAttributeName"):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": "alias/one", "SqsManagedSseEnabled": "true"})


def test_policy_is_kept_as_text(sqs, queue):
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}]})
    url = queue(Policy=policy)
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"] == policy
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])


def test_permissions(sqs, queue, tools):
    url = queue()
    sqs.add_permission(QueueUrl=url, Label="one", AWSAccountIds=["111111111111"], Actions=["SendMessage"])
    sqs.add_permission(QueueUrl=url, Label="two", AWSAccountIds=["111111111111", "222222222222"], Actions=["ReceiveMessage", "DeleteMessage"])
    policy = json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"])
    arn = tools.arn(url)
    assert policy["Version"] == "2008-10-17" and policy["Id"] == f"{arn}/SQSDefaultPolicy"
    one, two = policy["Statement"]
    assert one == {
        "Sid": "one", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "SQS:SendMessage", "Resource": arn,
    }
    assert two["Action"] == ["SQS:ReceiveMessage", "SQS:DeleteMessage"] and len(two["Principal"]["AWS"]) == 2
    with tools.fails("InvalidParameterValue", "Value one for parameter Label is invalid. Reason: Already exists."):
        sqs.add_permission(QueueUrl=url, Label="one", AWSAccountIds=["111111111111"], Actions=["SendMessage"])
    with tools.fails("InvalidParameterValue", "Only the queue owner is allowed to invoke this action."):
        sqs.add_permission(QueueUrl=url, Label="x", AWSAccountIds=["111111111111"], Actions=["CreateQueue"])
    seven = ["ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl", "ListDeadLetterSourceQueues", "PurgeQueue", "ReceiveMessage"]
    with tools.fails("OverLimit", "8 Actions were found, maximum allowed is 7.", 403):
        sqs.add_permission(QueueUrl=url, Label="x", AWSAccountIds=["111111111111"], Actions=[*seven, "SendMessage"])
    with tools.fails("InvalidParameterValue", "Value nosuch for parameter Label is invalid. Reason: can't find label."):
        sqs.remove_permission(QueueUrl=url, Label="nosuch")
    sqs.remove_permission(QueueUrl=url, Label="one")
    sqs.remove_permission(QueueUrl=url, Label="two")
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])


def test_tags(sqs, queue, tools):
    url = queue(tags={"env": "dev", "empty": ""})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"env": "dev", "empty": ""}
    sqs.tag_queue(QueueUrl=url, Tags={"env": "prod", "\u00fcber": "\u20ac & <x>"})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"env": "prod", "empty": "", "\u00fcber": "\u20ac & <x>"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["env", "empty", "nosuch", "\u00fcber"])
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=url)
    with tools.fails("InvalidParameterValue", f"Too many tags added for queue {url.rsplit('/', 1)[1]}."):
        sqs.tag_queue(QueueUrl=url, Tags={str(number): "x" for number in range(51)})
    with tools.fails("MissingParameter"):
        sqs.tag_queue(QueueUrl=url, Tags={})
    with tools.fails("InvalidParameterValue"):
        sqs.untag_queue(QueueUrl=url, TagKeys=[])


def test_purge(sqs, queue, tools):
    url = queue()
    tools.send(url, "a", "b", "c")
    tools.send(url, "later", DelaySeconds=60)
    (held,) = tools.receive(url)
    sqs.purge_queue(QueueUrl=url)
    assert tools.counts(url) == (0, 0, 0)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=held["ReceiptHandle"])
    tools.send(url, "after")
    assert [m["Body"] for m in tools.drain(url, 1)] == ["after"]


def test_redrive_policies(sqs, queue, tools):
    dead, url = queue(), queue()
    arn = tools.arn(dead)
    assert "queueUrls" not in sqs.list_dead_letter_source_queues(QueueUrl=dead) or not sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "3"})})
    policy = json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"])
    assert policy == {"deadLetterTargetArn": arn, "maxReceiveCount": 3}
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    for bad in (0, 1001, "x"):
        with tools.fails("InvalidParameterValue", "maxReceiveCount"):
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": bad})})
    with tools.fails(MISSING):
        missing = arn + "-nosuch"
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": missing, "maxReceiveCount": 3})})
    with tools.fails("InvalidParameterValue"):
        fifo = tools.arn(queue(fifo=True))
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": fifo, "maxReceiveCount": 3})})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": json.dumps({"redrivePermission": "denyAll"})})
    with tools.fails("InvalidParameterValue"):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})})


def test_many_sources_by_page(sqs, queue, tools):
    dead = queue()
    policy = json.dumps({"deadLetterTargetArn": tools.arn(dead), "maxReceiveCount": 3})
    urls = sorted(queue(RedrivePolicy=policy) for _ in range(5))
    found = []
    for page in sqs.get_paginator("list_dead_letter_source_queues").paginate(QueueUrl=dead, PaginationConfig={"PageSize": 2}):
        found += page["queueUrls"]
    assert sorted(found) == urls


def test_queue_given_by_bare_name_or_another_host(sqs, queue, tools):
    url = queue()
    account, name = url.split("/")[-2:]
    for spelled in (name, f"https://sqs.eu-west-1.amazonaws.com/{account}/{name}", f"http://queue.amazonaws.com/{account}/{name}"):
        if not tools.json and not spelled.startswith("http"):
            continue  # this client sends the request to the URL itself
        client = tools.client(tools.endpoint)
        if not tools.json:
            continue
        client.send_message(QueueUrl=spelled, MessageBody=spelled)
    if tools.json:
        assert len(tools.drain(url, 3)) == 3
    # Region is no part of a queue's identity here.
    elsewhere = tools.client(tools.endpoint, region_name="eu-west-1")
    assert elsewhere.get_queue_url(QueueName=name)["QueueUrl"] == url
    assert elsewhere.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"].startswith("arn:aws:sqs:eu-west-1:")


def test_missing_queue(sqs, queue, tools, unique):
    url = queue().rsplit("/", 1)[0] + "/" + unique()
    calls = (
        lambda: sqs.send_message(QueueUrl=url, MessageBody="x"),
        lambda: sqs.receive_message(QueueUrl=url),
        lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]),
        lambda: sqs.purge_queue(QueueUrl=url),
        lambda: sqs.list_queue_tags(QueueUrl=url),
        lambda: sqs.delete_message(QueueUrl=url, ReceiptHandle="x"),
        lambda: sqs.change_message_visibility(QueueUrl=url, ReceiptHandle="x", VisibilityTimeout=1),
        lambda: sqs.list_dead_letter_source_queues(QueueUrl=url),
    )
    words = "The specified queue does not exist." if tools.json else "The specified queue does not exist for this wsdl version."
    for call in calls:
        with tools.fails(MISSING, words):
            call()
