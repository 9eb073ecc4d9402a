"""Group members as separate processes: start, stop and kill them."""

import pathlib
import signal
import subprocess
import time

LIB = pathlib.Path(__file__).resolve().parent
SCRIPTS = {"confluent": LIB / "consumer_confluent.py", "kafka-python": LIB / "consumer_kafka_python.py"}
# A member commits and leaves on SIGTERM; this only catches one that hangs.
STOP_TIMEOUT_S = 40


class Group:
    """The running members of one group, and the history they write."""

    def __init__(self, name, topic, bootstrap, pythons, directory, history):
        self.name, self.topic, self.bootstrap = name, topic, bootstrap
        self.pythons, self.directory, self.history = pythons, pathlib.Path(directory), history
        self.running = {}  # member -> process
        self.started = self.killed = self.left = 0
        self.failures = []

    def start(self, client, *options):
        """Starts one more member on `client` ("confluent" or "kafka-python"); returns its name."""
        self.started += 1
        member = f"{client}-{self.started}"
        log = self.directory / f"{self.name}.{member}.events"
        command = [self.pythons[client], str(SCRIPTS[client]), "--bootstrap", self.bootstrap, "--topic", self.topic]
        command += ["--group", self.name, "--log", str(log), *options]
        with open(log.with_suffix(".err"), "wb") as errors:
            self.running[member] = subprocess.Popen(command, stdout=errors, stderr=errors, stdin=subprocess.DEVNULL)
        self.history.add_member(member, log)
        return member

    def members(self, client=None):
        """Names of the running members, oldest first."""
        return [m for m in self.running if client is None or m.startswith(client)]

    def kill(self, member):
        """SIGKILL: the server finds out by the session timeout or the closed connection."""
        process = self.running.pop(member)
        process.kill()
        process.wait()
        self.killed += 1

    def signal(self, member, number):
        self.running[member].send_signal(number)

    def stop(self, *members):
        """Asks members (default: all) to commit and leave, and waits for them."""
        chosen = [(m, self.running.pop(m)) for m in (members or list(self.running))]
        for member, process in chosen:
            self._wait_until_it_listens(member, process)
            process.send_signal(signal.SIGTERM)
        for member, process in chosen:
            self.left += 1
            try:
                if process.wait(STOP_TIMEOUT_S) != 0:
                    self._failed(member, f"exit code {process.returncode}")
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                self._failed(member, f"did not leave within {STOP_TIMEOUT_S} s")

    def _wait_until_it_listens(self, member, process):
        """A process that is still loading would die of SIGTERM; its log file appears once it handles the signal."""
        deadline = time.monotonic() + STOP_TIMEOUT_S
        log = self.directory / f"{self.name}.{member}.events"
        while not log.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)

    def check_alive(self):
        """Notes members that ended by themselves: they should not."""
        for member, process in list(self.running.items()):
            if process.poll() is not None:
                del self.running[member]
                self._failed(member, f"ended by itself with {process.returncode}")

    def _failed(self, member, why):
        errors = (self.directory / f"{self.name}.{member}.err").read_text(errors="replace")
        self.failures.append(f"{self.name}/{member}: {why}\n{errors[-1500:]}")

    def kill_all(self):
        """For the end of a job that is over either way."""
        for process in self.running.values():
            process.kill()
            process.wait()
        self.running.clear()
