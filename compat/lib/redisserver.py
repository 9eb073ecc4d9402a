"""A redis-server of this machine on a free port, with or without cluster mode."""

import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import respwire

START_TIMEOUT_S = 20


def free_port():
    """A port that was free a moment ago, and so was the cluster bus port that goes with it."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 10_000))
            except (OSError, OverflowError):
                continue
            return port


def binary():
    """Path of redis-server, or SystemExit saying what is missing."""
    found = shutil.which("redis-server")
    if not found:
        raise SystemExit("redis-server is missing; install redis-server")
    return found


class RedisServer:
    """Runs while used as a context manager; keeps nothing."""

    def __init__(self, cluster=False, options=()):
        self.cluster, self.options = cluster, list(options)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="trine-redis-reference-"))
        command = [binary(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command += ["--dir", str(self.directory), "--enable-debug-command", "no", *self.options]
        if self.cluster:
            command += ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-announce-ip", "127.0.0.1"]
        self.log = open(self.directory / "log", "wb")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        try:
            self._until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _until_ready(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        assigned = False
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise SystemExit(f"redis-server ended:\n{(self.directory / 'log').read_text(errors='replace')}")
            try:
                connection = respwire.Connection(self.address)
            except OSError:
                time.sleep(0.05)
                continue
            if not self.cluster:
                return connection.close()
            if not assigned:
                connection.send(respwire.command("CLUSTER", "ADDSLOTSRANGE", 0, 16383))
                assigned = connection.reply() == b"+OK\r\n"
            connection.send(respwire.command("CLUSTER", "INFO"))
            if b"cluster_state:ok" in connection.reply():
                return connection.close()
            connection.close()
            time.sleep(0.1)
        raise SystemExit(f"redis-server is not ready after {START_TIMEOUT_S} s")

    def version(self):
        """Like 7.0.15."""
        connection = respwire.Connection(self.address)
        connection.send(respwire.command("INFO", "server"))
        text = connection.reply()
        connection.close()
        return text.split(b"redis_version:")[1].split(b"\r\n")[0].decode()

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)
