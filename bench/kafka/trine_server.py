"""One Trine server on a data directory of its own."""

import pathlib
import shutil
import tempfile

import ports
import processes

START_TIMEOUT_S = 30


class Trine:
    """`start` returns when it accepts connections; `stop` ends it and removes its data."""

    def __init__(self, binary, data=None, options=()):
        self.binary = binary
        self.data = pathlib.Path(data or tempfile.mkdtemp(prefix="trine-bench-"))
        self.options = options
        self.port = ports.free_port()
        self.process = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        self.data.mkdir(parents=True, exist_ok=True)
        log_path = self.data.with_name(self.data.name + ".log")
        self.log = log_path
        with open(log_path, "ab") as log:
            self.process = processes.start(
                [self.binary, "serve", "--data", str(self.data), "--listen", f"kafka={self.address}",
                 "--listen", "admin=127.0.0.1:0", "--listen", "aws=off",
                 "--listen", "redis=off", *self.options], log)
        try:
            ports.wait_port(self.port, self.process, START_TIMEOUT_S)
        except Exception:
            print(log_path.read_text(errors="replace")[-4000:])
            self.stop()
            raise
        return self

    def stop(self):
        ports.end(self.process)
        shutil.rmtree(self.data, ignore_errors=True)
        self.log.unlink(missing_ok=True)
