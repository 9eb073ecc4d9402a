"""Starts, stops, kills and restarts one Trine server for the compatibility suites of every protocol.

Standard library only, so that every client's virtual environment can import it.

Environment:
  TRINE_BIN         the server binary; default: target/release/trine, then target/debug/trine of this workspace
  TRINE_SERVE_ARGS  extra arguments for `trine serve`, split like a shell does
  TRINE_KAFKA, TRINE_REDIS, TRINE_AWS
                    HOST:PORT of a server that is already running (suites that never kill the server use it as it is)
"""

import atexit
import json
import os
import pathlib
import random
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

WORKSPACE = pathlib.Path(__file__).resolve().parents[2]

# A first start allocates log files; a debug build on a busy machine is slow at that. Far above what is expected,
# because this bound only turns a hang into a failure: suites that judge start time measure it (Server.ready_seconds).
READY_TIMEOUT_S = 60.0
# How long a server may take to answer SIGTERM before it counts as hung.
STOP_TIMEOUT_S = 30.0
# Lines of server output shown when a start fails.
LOG_TAIL_LINES = 40
PROTOCOLS = ("kafka", "redis", "aws")


class ServerError(Exception):
    """The server could not be found, started or stopped."""


def find_binary():
    """Path of the server binary, or ServerError naming what to build."""
    named = os.environ.get("TRINE_BIN")
    if named:
        if not os.access(named, os.X_OK):
            raise ServerError(f"TRINE_BIN={named} is not an executable file")
        return named
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", WORKSPACE / "target"))
    for profile in ("release", "debug"):
        path = target / profile / "trine"
        if os.access(path, os.X_OK):
            return str(path)
    raise ServerError("no trine binary: run `cargo build --release`, or set TRINE_BIN")


def restartable_port():
    """A free port below those that the system gives to outgoing connections.

    A server that restarts on a port of that range can find it taken: by any client's connection, or by one of its own
    clients, whose attempt to reconnect was given the very port it calls.
    """
    try:
        lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):
        lowest = 32768
    choice = random.SystemRandom()
    for _ in range(100):
        port = choice.randrange(12_000, max(lowest, 12_100))
        try:
            for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
                with socket.socket(family) as probe:
                    probe.bind((address, port))
        except OSError:
            continue
        return port
    raise ServerError("no free port found")


class Server:
    """One server process on one data directory.

    The first start chooses a free port for each listener; every later start of the same object asks for those ports again,
    so clients reconnect by themselves. Usable as a context manager, which starts and stops it.

    `listen`: which protocols besides the admin port, of kafka, redis and aws. `config`: text of a configuration file.
    """

    def __init__(self, data_dir=None, binary=None, extra_args=(), listen=("kafka",), config=None):
        self.binary = binary or find_binary()
        self._owns_data = data_dir is None
        self.data_dir = pathlib.Path(data_dir or tempfile.mkdtemp(prefix="trine-compat-"))
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.extra_args = shlex.split(os.environ.get("TRINE_SERVE_ARGS", "")) + list(extra_args)
        # Beside the data directory, not in it: the directory belongs to the server.
        self.log_path = self.data_dir.with_name(self.data_dir.name + ".log")
        self.ready_path = self.data_dir.with_name(self.data_dir.name + ".ready.json")
        self.process = None
        # Protocol -> HOST:PORT, the same for the life of this object.
        self.addresses = dict.fromkeys(listen)
        self.admin = None
        self.ready_seconds = None
        if config is not None:
            path = self.data_dir.with_name(self.data_dir.name + ".toml")
            path.write_text(config)
            self.extra_args += ["--config", str(path)]
        atexit.register(self._at_exit)

    @property
    def kafka(self):
        return self.addresses.get("kafka")

    @property
    def redis(self):
        return self.addresses.get("redis")

    @property
    def aws(self):
        return self.addresses.get("aws")

    # -- life cycle ------------------------------------------------------------------------------------------------

    def start(self):
        """Starts the server and waits until it says it is ready. Sets kafka, admin and ready_seconds."""
        return self.launch().wait_ready()

    def launch(self):
        """Starts the process and returns at once; `wait_ready` or `kill` comes next."""
        if self.running():
            raise ServerError("already running")
        self.ready_path.unlink(missing_ok=True)
        command = [
            self.binary, "serve",
            "--data", str(self.data_dir),
            *self._listeners(),
            "--listen", "admin=127.0.0.1:0",
            "--ready-file", str(self.ready_path),
            *self.extra_args,
        ]
        self._launched = time.monotonic()
        with open(self.log_path, "ab") as log:
            log.write(f"--- {shlex.join(command)}\n".encode())
            log.flush()
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        return self

    def _listeners(self):
        """Arguments that name every protocol: those not asked for are off, so that no default port is in the way."""
        for kind in PROTOCOLS:
            if kind in self.addresses:
                address = self.addresses[kind] or f"127.0.0.1:{restartable_port()}"
                yield from ("--listen", f"{kind}={address}")
            else:
                yield from ("--listen", f"{kind}=off")

    def wait_ready(self):
        """Waits for the ready file of a launched server."""
        ready = self._poll_ready_file()
        self.ready_seconds = time.monotonic() - self._launched
        for kind in self.addresses:
            self.addresses[kind] = ready["listeners"][kind][0]
        self.admin = (ready["listeners"].get("admin") or [None])[0]
        return self

    def stop(self):
        """SIGTERM, and waits for the end. Returns the exit code; ServerError when the server does not end."""
        if not self.running():
            return self.process.returncode if self.process else None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerError(f"no exit within {STOP_TIMEOUT_S:.0f} s of SIGTERM\n{self.log_tail()}") from None

    def kill(self):
        """SIGKILL: what `kill -9` or the out-of-memory killer does. Waits until the process is gone."""
        if self.running():
            self.process.kill()
            self.process.wait()

    def restart(self):
        """Stops a running server cleanly, then starts it on the same port and data directory."""
        self.stop()
        return self.start()

    def running(self):
        return self.process is not None and self.process.poll() is None

    def log_tail(self, lines=LOG_TAIL_LINES):
        """The last lines the server printed."""
        try:
            text = self.log_path.read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    # -- helpers ---------------------------------------------------------------------------------------------------

    def _poll_ready_file(self):
        """The ready file's content; it may be written in more than one step."""
        while time.monotonic() - self._launched < READY_TIMEOUT_S:
            if self.process.poll() is not None:
                raise ServerError(f"exited with {self.process.returncode} before it was ready\n{self.log_tail()}")
            try:
                ready = json.loads(self.ready_path.read_text())
                if all(ready["listeners"][kind] for kind in self.addresses):
                    return ready
            except (FileNotFoundError, ValueError, KeyError):
                pass
            time.sleep(0.002)
        self.kill()
        raise ServerError(f"not ready after {READY_TIMEOUT_S:.0f} s\n{self.log_tail()}")

    def remove_data(self):
        """Deletes the data directory and the files beside it (only a directory this object made itself)."""
        if self._owns_data:
            shutil.rmtree(self.data_dir, ignore_errors=True)
            self.log_path.unlink(missing_ok=True)
            self.ready_path.unlink(missing_ok=True)
            self.data_dir.with_name(self.data_dir.name + ".toml").unlink(missing_ok=True)

    def _at_exit(self):
        # A suite that dies half way must not leave a server behind.
        if self.running():
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, _value, _trace):
        self.stop()
        if kind is None:
            self.remove_data()


class External:
    """A server that someone else runs. It can be used, not stopped."""

    def __init__(self, addresses):
        self.addresses = addresses
        self.admin = None
        for kind in PROTOCOLS:
            setattr(self, kind, addresses.get(kind))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def server_from_environment(*listen, **options):
    """The server that TRINE_KAFKA, TRINE_REDIS or TRINE_AWS name, or a fresh one of our own (not started yet).

    `listen`: the protocols that are needed (default: kafka); `options`: for `Server`.
    """
    listen = listen or ("kafka",)
    named = {kind: os.environ.get(f"TRINE_{kind.upper()}") for kind in listen}
    return External(named) if all(named.values()) else Server(listen=listen, **options)


def exit_on_sigterm():
    """Turns SIGTERM into SystemExit, so that `finally` and atexit run and no child is left behind."""

    def leave(_signal, _frame):
        raise SystemExit(143)

    signal.signal(signal.SIGTERM, leave)
