"""The load: Apache's own perf tools as separate processes, and what they print as numbers."""

import os
import re
import subprocess
import tempfile
import time

import apache_kafka
import processes

# Apache's script gives its client tools 512 MiB.
CLIENT_HEAP = ["-Xmx512M"]

PRODUCED = re.compile(
    r"^(?P<records>\d+) records sent, (?P<rate>[\d.]+) records/sec \((?P<mb>[\d.]+) MB/sec\), "
    r"(?P<avg>[\d.]+) ms avg latency, (?P<max>[\d.]+) ms max latency, "
    r"(?P<p50>\d+) ms 50th, (?P<p95>\d+) ms 95th, (?P<p99>\d+) ms 99th, (?P<p999>\d+) ms 99\.9th", re.M)
CONSUMED = re.compile(r"^\d{4}-\d\d-\d\d .*$", re.M)


class Failed(Exception):
    """A tool ended badly or said something unexpected."""


def tool(main, *args, timeout_s):
    """Runs one tool to its end; returns (what it printed, its CPU seconds)."""
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(
            apache_kafka.java("org.apache.kafka.tools." + main, *args, heap=CLIENT_HEAP, log_level="ERROR"),
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, preexec_fn=processes.die_with_parent)
        end = time.monotonic() + timeout_s
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > end:
                process.kill()
                os.wait4(process.pid, 0)
                raise Failed(f"{main} took more than {timeout_s} s")
            time.sleep(0.02)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read()
    if process.returncode != 0:
        raise Failed(f"{main} ended with {process.returncode}:\n{text}")
    return text, usage.ru_utime + usage.ru_stime


def create_topic(address, topic, partitions, configs, timeout_s):
    options = [part for config in configs for part in ("--config", config)]
    tool("TopicCommand", "--bootstrap-server", address, "--create", "--topic", topic,
         "--partitions", partitions, "--replication-factor", 1, *options, timeout_s=timeout_s)


def produce(address, topic, records, size, rate, properties, timeout_s):
    """`rate` in records/s, -1 as fast as it goes."""
    options = [part for p in properties for part in ("--command-property", p)]
    text, cpu = tool("ProducerPerformance", "--bootstrap-server", address, "--topic", topic, "--num-records", records,
                     "--record-size", size, "--throughput", rate, *options, timeout_s=timeout_s)
    lines = list(PRODUCED.finditer(text))
    if not lines or int(lines[-1]["records"]) != records:
        raise Failed(f"not all records were sent:\n{text}")
    last = lines[-1]
    return {
        "records_s": float(last["rate"]), "mb_s": float(last["mb"]), "avg_ms": float(last["avg"]),
        "p50_ms": float(last["p50"]), "p95_ms": float(last["p95"]), "p99_ms": float(last["p99"]),
        "p999_ms": float(last["p999"]), "max_ms": float(last["max"]), "client_cpu_s": cpu,
    }


def consume(address, topic, records, group, timeout_s):
    """Reads a topic from its start. The rates leave out the time the group needs to form."""
    text, cpu = tool("ConsumerPerformance", "--bootstrap-server", address, "--topic", topic, "--num-records", records,
                     "--group", group, "--hide-header", "--timeout", 30000, timeout_s=timeout_s)
    line = CONSUMED.search(text)
    if not line:
        raise Failed(f"no result:\n{text}")
    # start, end, MB, MB/s, records, records/s, rebalance ms, fetch ms, fetch MB/s, fetch records/s
    fields = [field.strip() for field in line.group().split(",")]
    if int(fields[4]) < records:
        raise Failed(f"only {fields[4]} of {records} records came:\n{text}")
    return {"records_s": float(fields[9]), "mb_s": float(fields[8]), "client_cpu_s": cpu}
