"""A real Celery worker: plain tasks, retries, a countdown, a worker that is killed in the middle of a task."""

import collections
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import uuid

HERE = pathlib.Path(__file__).resolve().parent
LIMIT_S = 60
TASKS = 100


class Suite:
    def __init__(self, directory):
        self.log = pathlib.Path(directory) / "log"
        self.log.touch()
        os.environ.update(TRINE_CELERY_LOG=str(self.log), TRINE_CELERY_PREFIX=f"celery-{uuid.uuid4().hex[:8]}-", PYTHONPATH=str(HERE), PYTHONDONTWRITEBYTECODE="1")
        sys.path.insert(0, str(HERE))
        import app

        self.app, self.output, self.worker, self.failures = app, open(pathlib.Path(directory) / "worker", "wb"), None, 0

    def start_worker(self):
        command = [sys.executable, "-m", "celery", "-A", "app", "worker", "--pool", "prefork", "-c", "2", "-l", "WARNING", "--without-gossip", "--without-mingle"]
        self.worker = subprocess.Popen(command, stdout=self.output, stderr=self.output, cwd=HERE, start_new_session=True)

    def kill_worker(self):
        if self.worker:
            try:
                os.killpg(self.worker.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.worker.wait()

    def lines(self, kind):
        return [line.split()[1:] for line in self.log.read_text().splitlines() if line.split()[0] == kind]

    def wait(self, what, check):
        deadline = time.monotonic() + LIMIT_S
        while not check():
            if time.monotonic() > deadline:
                self.failures += 1
                print(f"FAILED {what}: not within {LIMIT_S} s", flush=True)
                return
            if self.worker.poll() is not None:
                self.start_worker()
            time.sleep(0.05)
        print(f"ok {what}", flush=True)

    def run(self):
        app = self.app
        self.start_worker()
        for number in range(TASKS):
            app.add.delay(number)
        self.wait(f"{TASKS} tasks", lambda: {int(one[0]) for one in self.lines("add")} == set(range(TASKS)))
        for number in range(5):
            app.flaky.delay(number)
        self.wait("retries", lambda: collections.Counter(int(one[0]) for one in self.lines("flaky") if one[1] == "2") == dict.fromkeys(range(5), 1))
        app.later.apply_async((time.time(),), countdown=1)
        self.wait("a countdown", lambda: self.lines("later"))
        if float(self.lines("later")[0][0]) < 1:
            self.failures += 1
            print("FAILED the countdown was too short")
        app.die_once.delay(1)
        self.wait("a task whose worker died is done by the next", lambda: self.lines("survived"))
        if len(self.lines("die")) < 2:
            self.failures += 1
            print("FAILED the worker did not die")
        queue = app.app.amqp.queues["celery"]
        with app.app.connection_for_read() as connection:
            self.wait("the queue is empty", lambda: connection.default_channel._size(queue.name) == 0)
        print(f"celery: {5 - self.failures} passed, {self.failures} failed")
        return 1 if self.failures else 0


def main():
    with tempfile.TemporaryDirectory(prefix="trine-celery-") as directory:
        suite = Suite(directory)
        try:
            code = suite.run()
        finally:
            suite.kill_worker()
        if code:
            print((pathlib.Path(directory) / "worker").read_text(errors="replace")[-3000:])
        return code


if __name__ == "__main__":
    sys.exit(main())
