"""Durability: the server is killed with SIGKILL under load, N rounds on one data directory and port.

Three confluent-kafka producers (two idempotent, one not; acks=all) and a group of three members (two on confluent-kafka,
one on kafka-python) run through all rounds and reconnect by themselves. Most rounds kill after a random time of work; some
kill right after the start, some during it. After each restart: every log ends no earlier than the last acknowledged or
consumed record, and commits stand no lower than confirmed or seen before. At the end the whole log is read again, twice,
with a clean restart between: every acknowledged record is at the place it was acknowledged for, no idempotent record is
there twice or out of order, no offset ever had two values, and the group saw every offset without holes. Exits non-zero
on any violation; the seed is printed.
"""

import argparse
import collections
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib"), str(HERE.parent.parent / "lib")]

import acks  # noqa: E402
import confluent_kafka as ck  # noqa: E402
import eventlog  # noqa: E402
import history  # noqa: E402
import topictool  # noqa: E402
import trineserver  # noqa: E402
from confluent_kafka.admin import AdminClient  # noqa: E402
from members import Group  # noqa: E402

TOPIC, GROUP, PARTITIONS = "crash", "crash-group", 6
# source number -> (idempotent, codec)
SOURCES = {0: (True, "lz4"), 1: (True, "none"), 2: (False, "zstd")}
# After a restart every producer and the group must move on within this time.
PROGRESS_LIMIT_S = 30
# How the rounds are killed: under load, at once after being ready, or while still starting.
AT_ONCE_SHARE, STARTING_SHARE = 0.15, 0.10
LOAD_S = (0.1, 1.2)  # work between the first progress and the kill
REREAD_LIMIT_S = 120


class Job:
    def __init__(self, options, server, directory):
        self.options, self.server, self.directory = options, server, pathlib.Path(directory)
        self.random = random.Random(options.seed)
        self.violations = history.Violations()
        self.failures = []
        self.places = history.Places(self.violations)
        self.group_history = history.GroupHistory(GROUP, self.places, self.violations)
        self.acks = acks.Acks()
        self.producers = {}
        self.records_read = 0
        self.commit_floor = {}  # partition -> highest commit ever seen
        self.ready_seconds = []
        self.kills = collections.Counter()

    def admin(self):
        return AdminClient({"bootstrap.servers": self.server.kafka, "reconnect.backoff.max.ms": 300, "log_level": 0})

    # -- load ------------------------------------------------------------------------------------------------------

    def start_load(self):
        topictool.create(self.admin(), TOPIC, PARTITIONS)
        pythons = {"confluent": sys.executable, "kafka-python": os.environ["TRINE_COMPAT_KAFKA_PYTHON"]}
        self.group = Group(GROUP, TOPIC, self.server.kafka, pythons, self.directory, self.group_history)
        for client in ("confluent", "confluent", "kafka-python"):
            self.group.start(client, "--session-ms", "10000")
        for source, (idempotent, codec) in SOURCES.items():
            log = self.directory / f"producer-{source}.events"
            command = [sys.executable, str(HERE / "producer.py"), "--bootstrap", self.server.kafka, "--topic", TOPIC]
            command += ["--log", str(log), "--source", str(source), "--codec", codec, "--rate", str(self.options.rate)]
            command += ["--idempotent"] if idempotent else []
            environment = {**os.environ, "PYTHONPATH": str(HERE.parent / "lib")}
            with open(log.with_suffix(".err"), "wb") as errors:
                self.producers[source] = subprocess.Popen(command, stdout=errors, stderr=errors, env=environment)
            self.acks.add(source, log)

    def look(self):
        """Takes in what the clients wrote; notes clients that died."""
        self.acks.read()
        self.records_read += self.group_history.read()
        self.group.check_alive()
        for source, process in list(self.producers.items()):
            if process.poll() is not None:
                del self.producers[source]
                errors = (self.directory / f"producer-{source}.err").read_text(errors="replace")
                self.failures.append(f"producer {source} ended by itself with {process.returncode}\n{errors[-1500:]}")

    def wait_for_progress(self):
        """Until every producer has a new answer and the group new records."""
        self.look()
        acked, read = self.acks.counts(), self.records_read
        deadline = time.monotonic() + PROGRESS_LIMIT_S
        while time.monotonic() < deadline:
            self.look()
            now = self.acks.counts()
            if self.records_read > read and all(now[s] > acked[s] for s in self.producers):
                return
            time.sleep(0.02)
        stuck = [f"producer {s}" for s in self.producers if self.acks.counts()[s] == acked[s]]
        stuck += [] if self.records_read > read else ["the group"]
        self.violations.add("no progress", f"{', '.join(stuck)} within {PROGRESS_LIMIT_S} s of a restart")

    # -- rounds ----------------------------------------------------------------------------------------------------

    def round(self):
        draw = self.random.random()
        if draw < STARTING_SHARE:
            self.kills["while starting"] += 1
            self.kill()
            self.server.launch()
            time.sleep(self.random.uniform(0, 0.03))
            self.server.kill()
        elif draw < STARTING_SHARE + AT_ONCE_SHARE:
            self.kills["right after the start"] += 1
            time.sleep(self.random.uniform(0, 0.05))
            self.kill()
        else:
            self.kills["under load"] += 1
            self.wait_for_progress()
            time.sleep(self.random.uniform(*LOAD_S))
            self.kill()
        self.look()
        self.server.start()
        self.ready_seconds.append(self.server.ready_seconds)
        self.check_after_restart()

    def kill(self):
        self.note_commits()
        self.server.kill()

    def note_commits(self):
        """Raises the floor to what the members have had confirmed."""
        self.look()
        for partition, offset in self.group_history.highest_commits().items():
            self.commit_floor[partition] = max(offset, self.commit_floor.get(partition, -1))

    def check_after_restart(self):
        acknowledged = dict(self.acks.ends)
        consumed = {p: self.places.end(p) for p in self.places.partitions()}
        floor = dict(self.commit_floor)
        admin = self.admin()
        ends = topictool.ends(admin, TOPIC)
        for partition in range(PARTITIONS):
            if ends[partition] < acknowledged.get(partition, 0):
                self.violations.add(
                    "acknowledged record lost",
                    f"partition {partition} ends at {ends[partition]}, acknowledged up to {acknowledged[partition]}",
                )
            if ends[partition] < consumed.get(partition, 0):
                self.violations.add(
                    "consumed record lost",
                    f"partition {partition} ends at {ends[partition]}, consumed up to {consumed[partition]}",
                )
        for partition, offset in topictool.committed(admin, GROUP, TOPIC).items():
            if offset < floor.get(partition, -1):
                self.violations.add("commit went back", f"partition {partition}: {offset} after {floor[partition]}")
            self.commit_floor[partition] = max(offset, self.commit_floor.get(partition, -1))

    # -- end -------------------------------------------------------------------------------------------------------

    def stop_load(self):
        for process in self.producers.values():
            process.terminate()
        for source, process in self.producers.items():
            if process.wait(90) != 0:
                errors = (self.directory / f"producer-{source}.err").read_text(errors="replace")
                self.failures.append(f"producer {source} could not finish: {errors[-1500:]}")
        self.producers.clear()
        self.ends = topictool.ends(self.admin(), TOPIC)
        deadline = time.monotonic() + PROGRESS_LIMIT_S
        while time.monotonic() < deadline:
            self.look()
            if all(self.places.end(p) >= self.ends[p] for p in range(PARTITIONS)):
                break
            time.sleep(0.1)
        self.group.stop()
        self.look()
        self.failures += self.group.failures
        committed = topictool.committed(self.admin(), GROUP, TOPIC)
        if committed != self.ends:
            self.failures.append(f"the group stopped at {committed}, but the log ends at {self.ends}")
        for partition in range(PARTITIONS):
            for offset, source, _ in self.places.walk(partition):
                if source is None:
                    self.violations.add("not delivered", f"partition {partition} offset {offset} never reached the group")
        self.group_history.check_commits()

    def reread(self, who):
        """Reads the whole log again, without a group; the history notices any place that changed."""
        consumer = ck.Consumer(
            {"bootstrap.servers": self.server.kafka, "group.id": "crash-reread", "enable.auto.commit": False,
             "check.crcs": True, "log_level": 0}
        )
        consumer.assign([ck.TopicPartition(TOPIC, p, 0) for p in range(PARTITIONS)])
        following = dict.fromkeys(range(PARTITIONS), 0)
        deadline = time.monotonic() + REREAD_LIMIT_S
        while any(following[p] < self.ends[p] for p in following):
            if time.monotonic() > deadline:
                self.violations.add("not readable", f"{who}: stopped at {following}, ends are {self.ends}")
                break
            for m in consumer.consume(1000, 0.2):
                if m.error():
                    continue
                if m.offset() != following[m.partition()]:
                    self.violations.add("hole", f"{who}: partition {m.partition()} {following[m.partition()]} to {m.offset()}")
                following[m.partition()] = m.offset() + 1
                _, source, _, seq, offset, crc, _, _ = eventlog.ENTRY.unpack(
                    eventlog.record_entry(m.partition(), m.offset(), m.key(), m.value())
                )
                self.places.see(m.partition(), offset, source, seq, crc, who)
        consumer.close()
        ends = topictool.ends(self.admin(), TOPIC)
        if ends != self.ends:
            self.violations.add("end moved", f"{who}: {ends} instead of {self.ends}")

    def check_history(self):
        acks.check(self.acks.acked, self.places, self.violations, {s for s, (once, _) in SOURCES.items() if once})

    def report(self, seconds):
        stored = collections.Counter(s for p in range(PARTITIONS) for _, s, _ in self.places.walk(p) if s is not None)
        print(f"\nrounds {self.options.rounds} in {seconds:.0f} s (seed {self.options.seed}): {dict(self.kills)}")
        times = sorted(1000 * s for s in self.ready_seconds)
        print(
            f"restart after a kill, ms to ready: median {statistics.median(times):.0f}, min {times[0]:.0f}, "
            f"p90 {times[int(len(times) * 0.9)]:.0f}, max {times[-1]:.0f}"
        )
        print(f"\n{'producer':<16}{'acknowledged':>14}{'in the log':>12}{'failed':>8}")
        for source, (idempotent, codec) in SOURCES.items():
            name = f"{source} {'idempotent' if idempotent else 'plain'} {codec}"
            print(f"{name:<20}{len(self.acks.acked[source]):>10}{stored[source]:>12}{self.acks.failed[source]:>8}")
        print(
            f"\ngroup: {self.records_read} deliveries of {sum(self.ends.values())} records, "
            f"{len(self.group_history.starts)} partition starts, {len(self.group_history.commits)} confirmed commits"
        )
        for message in self.violations.messages + self.failures:
            print(f"VIOLATION {message}")
        bad = sum(self.violations.counts.values()) + len(self.failures)
        print(f"violations: {bad} {dict(self.violations.counts) or ''}")
        return 1 if bad else 0

    def run(self):
        started = time.monotonic()
        try:
            self.start_load()
            self.wait_for_progress()
            for number in range(1, self.options.rounds + 1):
                self.round()
                if number % 10 == 0 or number == self.options.rounds:
                    acked = sum(self.acks.counts().values())
                    print(f"round {number}: {acked} acknowledged, violations {sum(self.violations.counts.values())}", flush=True)
            self.wait_for_progress()
            self.stop_load()
            self.reread("first re-read")
            self.server.restart()
            self.reread("re-read after a clean restart")
            self.check_history()
        finally:
            if hasattr(self, "group"):
                self.group.kill_all()
            for process in self.producers.values():
                process.kill()
                process.wait()
        return self.report(time.monotonic() - started)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--rate", type=float, default=1000, help="records per second and producer")
    parser.add_argument("--seed", type=int, default=None, help="of the kill times")
    parser.add_argument("--keep", action="store_true", help="keep the data directory and the clients' logs")
    options = parser.parse_args()
    options.seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    if os.environ.get("TRINE_KAFKA"):
        raise SystemExit("this job kills its server, so it starts its own: unset TRINE_KAFKA")
    trineserver.exit_on_sigterm()
    print(f"seed {options.seed}", flush=True)
    directory = tempfile.mkdtemp(prefix="trine-crash-")
    server = trineserver.Server(pathlib.Path(directory) / "data")
    code = 1
    try:
        server.start()
        code = Job(options, server, directory).run()
        server.stop()
    except trineserver.ServerError as error:
        print(f"VIOLATION server: {error}")
    finally:
        if options.keep or code:
            print(f"kept {directory}")
            print(f"-- server log\n{server.log_tail()}" if code else "")
        if not options.keep and not code:
            shutil.rmtree(directory, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
