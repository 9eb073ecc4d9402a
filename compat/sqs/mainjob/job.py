"""Files of this machine are hashed and compressed by workers of which a fifth is killed in the middle of a job.

A producer posts the jobs with boto3. Workers on boto3 and on `trine queue receive --exec` process them; while they do, one
after another is killed with SIGKILL and replaced. One job in 200 names a file that does not exist and fails every time. At the
end: every job that can be done was done at least once, none vanished, the others lie in the dead-letter queue with the number
of times they were tried. Then the dead letters are looked at, edited so that they can be done, moved back, and done. Before
all that, a small queue shows that what a killed worker had taken comes back first, in order. Exits non-zero on any violation.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "lib")]

import trineserver  # noqa: E402

VISIBILITY_S, MAX_RECEIVES, FAIL_EACH = 8, 3, 200
FILE_BYTES_MAX = 64 * 1024
WORKERS = {"boto3": 4, "exec": 2}
# Of all workers that are started, at least this part is killed.
KILLED_SHARE = 0.2
# Between two kills, and how long the queue may take to be empty after the last job is in, per job and at least.
KILL_EACH_S, DRAIN_S_PER_JOB, DRAIN_S_MIN = 1.5, 0.02, 90


def files():
    """Readable files of this machine, small ones, in a fixed order, for ever."""
    found = []
    for top in ("/usr/share/doc", "/usr/lib", "/usr/include", "/usr/share"):
        for folder, folders, names in os.walk(top):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                if "\n" not in path and not os.path.islink(path) and os.path.isfile(path) and os.path.getsize(path) <= FILE_BYTES_MAX:
                    if os.access(path, os.R_OK):
                        found.append(path)
                        yield path
    while found:
        yield from found


class Workers:
    """Starts, kills and stops workers of both kinds."""

    def __init__(self, job):
        self.job, self.running, self.started, self.killed = job, [], 0, 0

    def start(self, kind, url=None, name=None, count=None):
        self.started += 1
        log = self.job.directory / f"worker-{self.started}.log"
        log.touch()
        environment = {**os.environ, "TRINE_ADMIN": f"http://{self.job.server.admin}", "TRINE_JOB_LOG": str(log)}
        if kind == "boto3":
            command = [sys.executable, str(HERE / "worker.py"), url or self.job.url, str(log)]
        else:
            command = [self.job.server.binary, "queue", "receive", name or self.job.name, "--exec", f"sh {HERE}/work.sh", "-j", "2", "--retry-delay", "1s"]
        with open(log.with_suffix(".err"), "wb") as errors:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, env=environment, start_new_session=True)
        self.running.append((kind, process, log))
        return log

    def kill(self, at):
        """A worker and whatever it has started."""
        kind, process, _ = self.running.pop(at)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.killed += 1
        return kind

    def check(self):
        for kind, process, log in list(self.running):
            if process.poll() is not None:
                self.running.remove((kind, process, log))
                self.job.fail(f"a {kind} worker ended by itself with {process.returncode}: {log.with_suffix('.err').read_text(errors='replace')[-600:]}")
                self.start(kind)

    def stop(self):
        for _, process, _ in self.running:
            process.terminate()
        for kind, process, _ in self.running:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                self.job.fail(f"a {kind} worker did not stop within 30 s of SIGTERM")
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.running.clear()

    def kill_all(self):
        while self.running:
            self.kill(0)

    def lines(self):
        """(start or done, job, rest) of everything that was ever logged."""
        for log in sorted(self.job.directory.glob("worker-*.log")):
            for line in log.read_text().splitlines():
                what, job, rest = line.split(" ", 2)
                yield what, int(job), rest


class Job:
    def __init__(self, options, server, directory):
        self.options, self.server, self.directory = options, server, pathlib.Path(directory)
        os.environ["TRINE_AWS"] = server.aws
        import endpoint

        self.sqs = endpoint.connect(retries=3)
        self.violations = []
        self.random = random.Random(options.seed)
        self.workers = Workers(self)
        self.posted = 0

    def fail(self, words):
        self.violations.append(words)
        print(f"VIOLATION {words}", flush=True)

    def trine(self, *arguments, **options):
        """Runs the command line tool; what it printed."""
        environment = {**os.environ, "TRINE_ADMIN": f"http://{self.server.admin}", **options.pop("env", {})}
        done = subprocess.run([self.server.binary, *arguments], capture_output=True, text=True, env=environment, timeout=120, **options)
        if done.returncode != 0:
            raise SystemExit(f"trine {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def counts(self, url):
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")
        return tuple(int(found[name]) for name in names)

    # -- what a killed worker had comes back first -------------------------------------------------------------------

    def order_after_a_kill(self):
        url = self.sqs.create_queue(QueueName="order", Attributes={"VisibilityTimeout": "2"})["QueueUrl"]
        for start in range(0, 60, 10):
            self.sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": f"{n} sleep x"} for n in range(start, start + 10)])
        code = (
            "import sys,time; sys.path.insert(0, sys.argv[2]); import endpoint; c = endpoint.connect(); got = []\n"
            "for _ in range(3): got += c.receive_message(QueueUrl=sys.argv[1], MaxNumberOfMessages=10)['Messages']\n"
            "for m in got[::3]: c.delete_message(QueueUrl=sys.argv[1], ReceiptHandle=m['ReceiptHandle'])\n"
            "print(' '.join(m['Body'].split()[0] for i, m in enumerate(got) if i % 3), flush=True); time.sleep(60)"
        )
        victim = subprocess.Popen([sys.executable, "-c", code, url, str(HERE)], stdout=subprocess.PIPE, text=True)
        unfinished = [int(one) for one in victim.stdout.readline().split()]
        victim.kill()
        victim.wait()
        deadline = time.monotonic() + 30
        while self.counts(url)[1] and time.monotonic() < deadline:
            time.sleep(0.05)
        seen = []
        while len(seen) < 50:
            messages = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=60).get("Messages", [])
            if not messages:
                break
            seen += [int(m["Body"].split()[0]) for m in messages]
        if len(unfinished) != 20 or seen != unfinished + list(range(30, 60)):
            self.fail(f"after a kill {unfinished} should come first, then 30 to 59; it was {seen}")
        print(f"after a kill the next receives returned {seen[:8]} ... {seen[18:22]} ...", flush=True)

    # -- the jobs ----------------------------------------------------------------------------------------------------

    def make_queues(self):
        self.name = "jobs"
        self.dead_url = self.sqs.create_queue(QueueName="jobs-dead")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.dead_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": MAX_RECEIVES})
        self.url = self.sqs.create_queue(QueueName=self.name, Attributes={"VisibilityTimeout": str(VISIBILITY_S), "RedrivePolicy": policy})["QueueUrl"]

    def post(self):
        """Runs in a thread. The number of a job that always fails is a multiple of FAIL_EACH."""
        import endpoint

        client, source = endpoint.connect(retries=3), files()
        for start in range(0, self.options.jobs, 10):
            entries = []
            for number in range(start, min(start + 10, self.options.jobs)):
                path = f"/nonexistent/{number}" if number % FAIL_EACH == 0 else next(source)
                entries.append({"Id": str(number), "MessageBody": f"{number} {'sha256' if number % 2 else 'gzip'} {path}"})
            answer = client.send_message_batch(QueueUrl=self.url, Entries=entries)
            if len(answer["Successful"]) != len(entries):
                self.fail(f"not sent: {answer}")
            self.posted += len(entries)

    def process(self):
        begun = time.monotonic()
        posting = threading.Thread(target=self.post)
        posting.start()
        for kind, count in WORKERS.items():
            for _ in range(count):
                self.workers.start(kind)
        last_kill, limit = time.monotonic(), None
        while True:
            time.sleep(0.25)
            self.workers.check()
            left = sum(self.counts(self.url))
            if not posting.is_alive():
                limit = limit or time.monotonic() + max(DRAIN_S_MIN, self.options.jobs * DRAIN_S_PER_JOB)
                if left == 0 and self.enough_killed():
                    break
                if time.monotonic() > limit:
                    self.fail(f"{left} jobs are left ({self.counts(self.url)})")
                    break
            if time.monotonic() - last_kill > KILL_EACH_S and (left > 0 or not self.enough_killed()):
                self.workers.start(self.workers.kill(self.random.randrange(len(self.workers.running))))
                last_kill = time.monotonic()
        self.seconds = time.monotonic() - begun

    def enough_killed(self):
        return self.workers.killed >= KILLED_SHARE * self.workers.started

    def check(self):
        done, deliveries = set(), 0
        for what, number, _ in self.workers.lines():
            deliveries += what == "start"
            if what == "done":
                done.add(number)
        failing = set(range(0, self.options.jobs, FAIL_EACH))
        wanted = set(range(self.options.jobs)) - failing
        for number in sorted(wanted - done)[:10]:
            self.fail(f"job {number} was never done")
        for number in sorted(done & failing)[:10]:
            self.fail(f"job {number} cannot be done, and was")
        letters = json.loads(self.trine("queue", "peek", "jobs-dead", "-n", str(len(failing) + 100), "-o", "json"))
        found = {int(one["body"].split()[0]): one for one in letters}
        for number in sorted(failing ^ set(found))[:10]:
            self.fail(f"job {number} should {'' if number in failing else 'not '}be a dead letter")
        if len(letters) != len(found):
            self.fail(f"{len(letters)} dead letters of {len(found)} jobs")
        for number, one in found.items():
            if one["receive_count"] != MAX_RECEIVES:
                self.fail(f"dead letter {number} was delivered {one['receive_count']} times, not {MAX_RECEIVES}")
        again = json.loads(self.trine("queue", "peek", "jobs-dead", "-n", "10", "--grep", f"count > {MAX_RECEIVES - 1} and body ~ nonexistent", "-o", "json"))
        if len(again) != min(10, len(failing)):
            self.fail(f"peek finds {len(again)} of them")
        print(
            f"{self.options.jobs} jobs in {self.seconds:.0f} s: {len(done)} done, {deliveries} deliveries, {len(found)} dead letters; "
            f"{self.workers.started} workers, {self.workers.killed} killed", flush=True,
        )

    def redrive(self):
        """Dead letters are edited so that their file exists, moved back, and done."""
        failing = set(range(0, self.options.jobs, FAIL_EACH))
        editor = "sed -i s#/nonexistent/[0-9]*#/etc/passwd#"
        told = self.trine("queue", "redrive", "jobs-dead", "--edit", env={"EDITOR": editor, "VISUAL": editor})
        deadline = time.monotonic() + 60
        done = set()
        while not failing <= done and time.monotonic() < deadline:
            time.sleep(0.25)
            self.workers.check()
            done = {number for what, number, _ in self.workers.lines() if what == "done"}
        for number in sorted(failing - done)[:10]:
            self.fail(f"job {number} was moved back and not done")
        if sum(self.counts(self.dead_url)):
            self.fail(f"the dead-letter queue still has {self.counts(self.dead_url)}")
        print(f"{len(failing)} dead letters edited, moved back and done ({told.strip().splitlines()[-1] if told.strip() else 'no words'})", flush=True)

    def run(self):
        try:
            self.order_after_a_kill()
            self.make_queues()
            self.process()
            self.check()
            self.redrive()
            self.workers.stop()
            if sum(self.counts(self.url)):
                self.fail(f"the queue ends with {self.counts(self.url)}")
        finally:
            self.workers.kill_all()
        print(f"violations: {len(self.violations)}")
        return 1 if self.violations else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=None, help="of which workers are killed")
    parser.add_argument("--keep", action="store_true", help="keep the workers' logs")
    options = parser.parse_args()
    options.seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    trineserver.exit_on_sigterm()
    print(f"seed {options.seed}", flush=True)
    directory = tempfile.mkdtemp(prefix="trine-sqs-mainjob-")
    try:
        with trineserver.Server(listen=("aws",)) as server:
            return Job(options, server, directory).run()
    finally:
        if options.keep:
            print(f"kept {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
