"""The three producers of the main job: kcat, confluent-kafka and kafka-python, each a process with its own lines."""

import pathlib
import subprocess
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
# How often kcat gets its next portion of lines.
PORTION_S = 0.05


class Feed:
    """One producer at work. `name`, `lines`, `seconds` (once it ended) and `failure` (None when all went well)."""

    def __init__(self, name, source, lines, command, errors_path, paced_input=None):
        self.name, self.source, self.lines = name, source, lines
        self.errors_path = errors_path
        self.seconds = None
        self._started = time.monotonic()
        with open(errors_path, "wb") as errors:
            stdin = subprocess.PIPE if paced_input else subprocess.DEVNULL
            self.process = subprocess.Popen(command, stdin=stdin, stdout=errors, stderr=errors)
        if paced_input:
            threading.Thread(target=self._write, args=paced_input, daemon=True).start()

    def _write(self, path, seconds):
        """Pours a file into the process so that it lasts `seconds`."""
        data = path.read_bytes()
        started, position = time.monotonic(), 0
        try:
            while position < len(data):
                share = (time.monotonic() - started + PORTION_S) / max(seconds, PORTION_S)
                # Up to a line's end, so that every portion is whole lines.
                until = data.find(b"\n", min(len(data) - 1, int(len(data) * share))) + 1
                if until > position:
                    self.process.stdin.write(data[position:until])
                    self.process.stdin.flush()
                    position = until
                time.sleep(PORTION_S)
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # it ended early; its exit code and its errors say why

    def done(self):
        """True once the process has ended."""
        if self.process.poll() is None:
            return False
        if self.seconds is None:
            self.seconds = time.monotonic() - self._started
        return True

    @property
    def failure(self):
        """Why not all lines were confirmed, or None. Only after `done`."""
        errors = self.errors_path.read_text(errors="replace")
        if self.process.returncode != 0 or "Delivery failed" in errors:
            return f"{self.name}: exit code {self.process.returncode}\n{errors[-1500:]}"
        return None


def start(corpus, kcat, pythons, bootstrap, topic, directory, seconds):
    """Starts one producer for each part of the corpus."""
    commands = [
        ("kcat", [kcat, "-P", "-b", bootstrap, "-t", topic, "-K", "\t", "-z", "lz4", "-X", "acks=all"]),
        ("confluent-kafka", [pythons["confluent"], str(HERE / "producer_confluent.py")]),
        ("kafka-python", [pythons["kafka-python"], str(HERE / "producer_kafka_python.py")]),
    ]
    feeds = []
    for source, (part, (name, command)) in enumerate(zip(corpus, commands)):
        errors = pathlib.Path(directory) / f"producer-{source}.err"
        if name == "kcat":
            feeds.append(Feed(name, source, len(part.crcs), command, errors, (part.path, seconds)))
        else:
            command = [*command, str(part.path), bootstrap, topic, str(seconds)]
            feeds.append(Feed(name, source, len(part.crcs), command, errors))
    return feeds
