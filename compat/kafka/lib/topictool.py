"""Small administrative steps for the jobs, on confluent-kafka: `create TOPIC PARTITIONS`, `committed GROUP TOPIC`,
`ends TOPIC`. Answers are one JSON object on stdout."""

import json
import sys
import time

import confluent_kafka as ck
from confluent_kafka.admin import AdminClient, NewTopic


def partitions_of(admin, topic):
    return sorted(admin.list_topics(topic, timeout=20).topics[topic].partitions)


def create(admin, topic, partitions):
    admin.create_topics([NewTopic(topic, int(partitions), 1)])[topic].result(30)
    deadline = time.monotonic() + 15
    while len(partitions_of(admin, topic)) != int(partitions):
        if time.monotonic() > deadline:
            raise SystemExit(f"{topic} does not show up")
        time.sleep(0.05)
    return {}


def committed(admin, group, topic):
    asked = ck.ConsumerGroupTopicPartitions(group, [ck.TopicPartition(topic, p) for p in partitions_of(admin, topic)])
    answer = admin.list_consumer_group_offsets([asked])[group].result(20)
    return {p.partition: max(p.offset, -1) for p in answer.topic_partitions}


def ends(admin, topic):
    asked = {ck.TopicPartition(topic, p): ck.admin.OffsetSpec.latest() for p in partitions_of(admin, topic)}
    return {p.partition: future.result(20).offset for p, future in admin.list_offsets(asked).items()}


def main():
    bootstrap, command, *arguments = sys.argv[1:]
    admin = AdminClient({"bootstrap.servers": bootstrap, "reconnect.backoff.max.ms": 300, "log_level": 0})
    print(json.dumps({"create": create, "committed": committed, "ends": ends}[command](admin, *arguments)))


if __name__ == "__main__":
    main()
