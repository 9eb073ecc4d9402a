"""ElasticMQ from Maven jars, moto's server from the Python package index, and Trine, each alone on a free port."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import ports
import processes

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "compat" / "lib"))

import venvs  # noqa: E402

START_TIMEOUT_S = 90
# What its container image gives it; more changes nothing for queues that are emptied at once.
ELASTICMQ_HEAP = ["-Xms256m", "-Xmx1g"]


class Server:
    """`start` returns when it accepts connections; `stop` ends it and removes what it wrote."""

    name = ""

    def __init__(self):
        self.port, self.process = ports.free_port(), None
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.name}-"))

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def command(self):
        """(arguments, environment)"""
        raise NotImplementedError

    def start(self):
        arguments, environment = self.command()
        path = self.directory / "log"
        os.environ.update(environment)
        with open(path, "wb") as log:
            self.process = processes.start(arguments, log)
        try:
            ports.wait_port(self.port, self.process, START_TIMEOUT_S)
        except Exception:
            print(path.read_text(errors="replace")[-4000:])
            self.stop()
            raise
        return self

    def stop(self):
        ports.end(self.process)
        shutil.rmtree(self.directory, ignore_errors=True)


class ElasticMq(Server):
    """In memory, as it comes."""

    name = "elasticmq"

    def class_path(self):
        """The jars, resolved through Maven on first use."""
        project = HERE / "elasticmq"
        jars, pom = project / "target" / "lib", project / "pom.xml"
        stamp = jars / ".complete"
        if not stamp.exists() or stamp.stat().st_mtime < pom.stat().st_mtime:
            shutil.rmtree(jars, ignore_errors=True)
            subprocess.run(
                ["mvn", "-q", "-B", "-Dstyle.color=never", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={jars}",
                 "-DincludeScope=runtime"],
                check=True,
            )
            stamp.touch()
        return f"{jars}/*"

    def command(self):
        config = HERE / "elasticmq" / "elasticmq.conf"
        return (
            ["java", *ELASTICMQ_HEAP, f"-Dconfig.file={config}", "-cp", self.class_path(), "org.elasticmq.server.Main"],
            {"PORT": str(self.port)},
        )


class Moto(Server):
    """moto's threaded server: a mock, in memory."""

    name = "moto"

    def command(self):
        python = venvs.venv_python(HERE / "requirements-moto.txt")
        return [str(pathlib.Path(python).parent / "moto_server"), "-H", "127.0.0.1", "-p", str(self.port)], {}


class Trine(Server):
    """A server on a data directory of its own."""

    name = "trine"

    def __init__(self, binary, options=()):
        super().__init__()
        self.binary, self.options = binary, list(options)

    def command(self):
        arguments = [self.binary, "serve", "--data", str(self.directory / "data"), "--listen", f"aws={self.address}"]
        for kind in ("kafka", "redis"):
            arguments += ["--listen", f"{kind}=off"]
        return [*arguments, "--listen", "admin=127.0.0.1:0", *self.options], {}
