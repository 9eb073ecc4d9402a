"""Durability of queues: the server is killed with SIGKILL under load, N rounds on one data directory and port.

Two producers send to a standard and to a FIFO queue, three consumers receive, delete, give back and keep; all run through all
rounds. Most rounds kill after a random time of work, some right after the start, some during it. At the end the queues are
emptied and everything that the clients wrote down is checked (history.py): no acknowledged send is lost, nothing is delivered
after its delete was answered, a deduplication id stands for one message, groups keep their order and are in one hand at a
time, leases last, receive counts never fall. Exits non-zero on any violation; the seed is printed.
"""

import argparse
import collections
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "lib")]

import clients  # noqa: E402
import events  # noqa: E402
import history  # noqa: E402
import trineserver  # noqa: E402

PRODUCERS, CONSUMERS, VISIBILITY_S = 2, 3, 3
# After a restart every client must move on within this time; and so long may the queues take to be empty at the end.
PROGRESS_LIMIT_S, DRAIN_LIMIT_S = 30, 60
# How the rounds are killed: under load, at once after being ready, or while still starting.
AT_ONCE_SHARE, STARTING_SHARE = 0.15, 0.10
LOAD_S = (0.1, 1.0)


class Job:
    def __init__(self, options, server, directory):
        self.options, self.server, self.directory = options, server, pathlib.Path(directory)
        self.random = random.Random(options.seed)
        self.running, self.logs, self.failures = {}, [], []
        self.ready_seconds, self.kills = [], collections.Counter()

    def make_queues(self):
        self.client, self.urls = clients.connect(self.server.aws)
        attributes = {"VisibilityTimeout": str(VISIBILITY_S)}
        made = [self.client.create_queue(QueueName="crash", Attributes=attributes)["QueueUrl"]]
        made.append(self.client.create_queue(QueueName="crash.fifo", Attributes={**attributes, "FifoQueue": "true"})["QueueUrl"])
        if made != [self.urls[name] for name in clients.QUEUES]:
            raise SystemExit(f"the queues are at {made}, not {self.urls}")

    def start_load(self):
        for script, count in (("producer", PRODUCERS), ("consumer", CONSUMERS)):
            for number in range(count):
                log = self.directory / f"{script}-{number}.events"
                log.touch()
                command = [sys.executable, str(HERE / f"{script}.py"), self.server.aws, str(number), str(log)]
                with open(log.with_suffix(".err"), "wb") as errors:
                    self.running[f"{script}-{number}"] = subprocess.Popen(command, stdout=errors, stderr=errors, stdin=subprocess.DEVNULL)
                self.logs.append(log)

    def check_alive(self):
        for name, process in list(self.running.items()):
            if process.poll() is not None:
                del self.running[name]
                errors = (self.directory / f"{name}.err").read_text(errors="replace")
                self.failures.append(f"{name} ended by itself with {process.returncode}\n{errors[-1500:]}")

    def wait_for_progress(self):
        """Until every client has written something new."""
        sizes = {log: log.stat().st_size for log in self.logs}
        deadline = time.monotonic() + PROGRESS_LIMIT_S
        while time.monotonic() < deadline:
            self.check_alive()
            if all(log.stat().st_size > size for log, size in sizes.items()):
                return
            time.sleep(0.02)
        stuck = [log.stem for log, size in sizes.items() if log.stat().st_size == size]
        self.failures.append(f"no progress of {stuck} within {PROGRESS_LIMIT_S} s of a restart")

    def round(self):
        draw = self.random.random()
        if draw < STARTING_SHARE:
            self.kills["while starting"] += 1
            self.server.kill()
            self.server.launch()
            time.sleep(self.random.uniform(0, 0.05))
        elif draw < STARTING_SHARE + AT_ONCE_SHARE:
            self.kills["right after the start"] += 1
            time.sleep(self.random.uniform(0, 0.05))
        else:
            self.kills["under load"] += 1
            self.wait_for_progress()
            time.sleep(self.random.uniform(*LOAD_S))
        self.server.kill()
        self.server.start()
        self.ready_seconds.append(self.server.ready_seconds)

    def left(self):
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")
        total = 0
        for url in self.urls.values():
            found = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            total += sum(int(found[name]) for name in names)
        return total

    def end(self, prefix, number):
        """Asks clients to end, and waits for them."""
        chosen = [(name, process) for name, process in self.running.items() if name.startswith(prefix)]
        for name, process in chosen:
            process.send_signal(number)
        for name, process in chosen:
            del self.running[name]
            try:
                if process.wait(40) != 0:
                    self.failures.append(f"{name} ended with {process.returncode}")
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                self.failures.append(f"{name} does not end")

    def drain(self):
        self.end("producer", signal.SIGTERM)
        for process in self.running.values():
            process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + DRAIN_LIMIT_S
        while self.left() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.end("consumer", signal.SIGTERM)
        if self.left():
            self.failures.append(f"{self.left()} messages are left after {DRAIN_LIMIT_S} s")

    def run(self):
        begun = time.monotonic()
        self.make_queues()
        try:
            self.start_load()
            self.wait_for_progress()
            for number in range(1, self.options.rounds + 1):
                self.round()
                if number % 10 == 0 or number == self.options.rounds:
                    print(f"round {number}", flush=True)
            self.wait_for_progress()
            self.drain()
        finally:
            for process in self.running.values():
                process.kill()
                process.wait()
        return self.report(time.monotonic() - begun)

    def report(self, seconds):
        checked = history.History(VISIBILITY_S)
        for log in self.logs:
            for event in events.read(log):
                checked.add(event)
        bad = checked.check() + len(self.failures)
        times = sorted(1000 * one for one in self.ready_seconds)
        print(f"\nrounds {self.options.rounds} in {seconds:.0f} s (seed {self.options.seed}): {dict(self.kills)}")
        print(f"restart after a kill, ms to ready: median {statistics.median(times):.0f}, min {times[0]:.0f}, max {times[-1]:.0f}")
        deliveries = sum(len(found) for found in checked.deliveries.values())
        print(
            f"{len(checked.sent)} sends answered of {len(checked.begun)}, {deliveries} deliveries of {len(checked.deliveries)} messages, "
            f"{len(checked.delete_ended)} deletes answered of {len(checked.delete_begun)}, {len(checked.again)} repeated sends"
        )
        for message in checked.messages + self.failures:
            print(f"VIOLATION {message}")
        print(f"violations: {bad} {dict(checked.counts) or ''}")
        return 1 if bad else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=None, help="of the kill times")
    parser.add_argument("--keep", action="store_true", help="keep the data directory and the clients' logs")
    options = parser.parse_args()
    options.seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    if os.environ.get("TRINE_AWS"):
        raise SystemExit("this job kills its server, so it starts its own: unset TRINE_AWS")
    trineserver.exit_on_sigterm()
    print(f"seed {options.seed}", flush=True)
    directory = tempfile.mkdtemp(prefix="trine-sqs-crash-")
    server = trineserver.Server(pathlib.Path(directory) / "data", listen=("aws",))
    try:
        with server:
            return Job(options, server, directory).run()
    finally:
        if options.keep:
            print(f"kept {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
