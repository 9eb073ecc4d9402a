"""Debian's kcat 1.7.1, which uses librdkafka 2.0.2: the oldest librdkafka in wide use, and picky about tagged fields."""

import json
import re
import shutil
import subprocess
import time

import pytest

KCAT = shutil.which("kcat")
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


def lines(count, keys=5):
    """`count` lines of the form key:value for kcat -K:"""
    return "".join(f"k{i % keys}:{i:05d} räksmörgås {'x' * (i % 90)}\n" for i in range(count)).encode()


def number(message):
    return int(message["payload"][:5])


def test_version_and_metadata(kcat, topic):
    name = topic(partitions=4)
    text = kcat("-L", "-t", name).stdout.decode()
    assert re.search(r"^ 1 brokers:$", text, re.M), text
    assert f'topic "{name}" with 4 partitions' in text
    metadata = json.loads(kcat("-L", "-t", name, "-J").stdout)
    assert [p["partition"] for p in metadata["topics"][0]["partitions"]] == [0, 1, 2, 3]
    assert all(p["leader"] == metadata["brokers"][0]["id"] for p in metadata["topics"][0]["partitions"])
    assert metadata["controllerid"] == metadata["brokers"][0]["id"]


@pytest.mark.parametrize("idempotent", ["false", "true"], ids=["plain", "idempotent"])
@pytest.mark.parametrize("codec", CODECS)
def test_produce_and_consume(kcat, consume, topic, codec, idempotent):
    name = topic()
    sent = lines(1000)
    kcat("-P", "-t", name, "-K:", "-z", codec, "-X", f"enable.idempotence={idempotent}", "-X", "acks=all", stdin=sent)
    got = consume(name, "-X", "check.crcs=true")
    assert sorted(f"{m['key']}:{m['payload']}\n" for m in got) == sorted(sent.decode().splitlines(keepends=True))
    home, last = {}, {}
    for message in got:
        assert home.setdefault(message["key"], message["partition"]) == message["partition"]
        assert last.get(message["key"], -1) < number(message), "order per key"
        last[message["key"]] = number(message)


def test_headers_keys_and_nulls(kcat, consume, topic):
    name = topic(partitions=1)
    kcat("-P", "-t", name, "-p", "0", "-K:", "-Z", "-H", "a=1", "-H", "a=2", "-H", "empty=", stdin=b"key:value\nkey:\n:v\n")
    first, tombstone, keyless = consume(name)
    assert first["headers"] == ["a", "1", "a", "2", "empty", ""]
    assert (first["key"], first["payload"]) == ("key", "value")
    assert tombstone["payload"] is None and keyless["key"] is None
    formatted = kcat("-C", "-t", name, "-e", "-q", "-c", "1", "-f", "%t|%p|%o|%k|%s|%h|%S").stdout.decode()
    assert formatted == f"{name}|0|0|key|value|a=1,a=2,empty=|5"


def test_timestamps(kcat, consume, topic):
    name = topic(partitions=1)
    before = int(time.time() * 1000)
    kcat("-P", "-t", name, stdin=b"one\n")
    message = consume(name)[0]
    assert message["tstype"] == "create" and before - 1000 <= message["ts"] <= time.time() * 1000 + 1000
    appended = topic(partitions=1, message_timestamp_type="LogAppendTime")
    kcat("-P", "-t", appended, stdin=b"one\n")
    assert consume(appended)[0]["tstype"] == "logappend"


def test_offsets(kcat, consume, topic):
    name = topic(partitions=1)
    kcat("-P", "-t", name, "-K:", "-X", "batch.num.messages=10", stdin=lines(100))
    assert [m["offset"] for m in consume(name, "-o", "95")] == [95, 96, 97, 98, 99]
    assert [m["offset"] for m in consume(name, "-o", "-3")] == [97, 98, 99]
    assert [m["offset"] for m in consume(name, "-o", "beginning", "-c", "2")] == [0, 1]
    assert consume(name, "-o", "end") == []


def test_times(kcat, consume, topic):
    name = topic(partitions=1)
    for part in range(3):
        kcat("-P", "-t", name, stdin=b"%d\n" % part)
        time.sleep(0.05)
    second = consume(name)[1]["ts"]
    assert f"{name} [0] offset 1" in kcat("-Q", "-t", f"{name}:0:{second}").stdout.decode()
    assert f"{name} [0] offset 3" in kcat("-Q", "-t", f"{name}:0:-1").stdout.decode()
    assert f"{name} [0] offset 0" in kcat("-Q", "-t", f"{name}:0:-2").stdout.decode()
    assert [m["offset"] for m in consume(name, "-o", f"s@{second}")] == [1, 2]
    assert [m["offset"] for m in consume(name, "-o", f"s@{second}", "-o", f"e@{second + 1}")] == [1]


def test_group_continues_from_its_commit(kcat, topic, unique):
    name, group = topic(partitions=2), unique("g")
    kcat("-P", "-t", name, "-K:", stdin=lines(100))

    def read():
        options = ("-X", "auto.offset.reset=earliest", "-X", "heartbeat.interval.ms=500")
        output = kcat("-G", group, "-e", "-q", "-f", "%p %o\n", *options, name).stdout
        return [tuple(map(int, line.split())) for line in output.splitlines()]

    assert len(set(read())) == 100
    assert read() == []
    kcat("-P", "-t", name, "-p", "0", stdin=b"late\n")
    assert len(read()) == 1


def test_two_members_share_a_group(bootstrap, kcat, topic, unique):
    name, group = topic(partitions=2), unique("g")
    command = [KCAT, "-b", bootstrap, "-G", group, "-u", "-f", "%p %s\n", "-X", "heartbeat.interval.ms=500"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    members = [subprocess.Popen([*command, "-X", "auto.offset.reset=earliest", name], **pipes) for _ in range(2)]
    try:
        # kcat reports each assignment on stderr; wait until both members own exactly one partition.
        for member in members:
            deadline = time.monotonic() + 25
            while True:
                assert time.monotonic() < deadline
                line = member.stderr.readline().decode()
                if re.search(r"assigned: \S+ \[[01]\]$", line.strip()):
                    break
        for partition in (0, 1):
            kcat("-P", "-t", name, "-p", str(partition), stdin=b"for-%d\n" % partition)
        seen = sorted(member.stdout.readline().decode().strip() for member in members)
        assert seen == ["0 for-0", "1 for-1"]
    finally:
        for member in members:
            member.terminate()
            member.wait(15)


def test_sizes_around_the_limit(kcat, consume, topic):
    name = topic(partitions=1)
    big = b"x" * 1_000_000 + b"\n"
    kcat("-P", "-t", name, "-X", "message.max.bytes=4000000", stdin=big)
    assert len(consume(name)[0]["payload"]) == 1_000_000
    refused = kcat("-P", "-t", name, "-X", "message.max.bytes=4000000", stdin=b"y" * 1_100_000 + b"\n", check=False)
    assert b"Message size too large" in refused.stderr
    assert len(consume(name)) == 1


def test_invalid_topic_name(kcat):
    refused = kcat("-P", "-t", "not/a/topic", "-X", "message.timeout.ms=6000", stdin=b"v\n", check=False)
    assert refused.returncode != 0 or b"nvalid topic" in refused.stderr, refused.stderr


def test_unknown_topic_when_reading(kcat, unique):
    refused = kcat("-C", "-t", unique(), "-e", "-X", "allow.auto.create.topics=false", check=False)
    assert refused.returncode != 0 and b"Unknown topic" in refused.stderr


def test_large_input_in_order(kcat, consume, topic):
    name = topic(partitions=1)
    kcat("-P", "-t", name, "-z", "zstd", stdin="".join(f"{i:05d}\n" for i in range(50_000)).encode())
    assert [number(m) for m in consume(name)] == list(range(50_000))
