"""Apache Kafka from Maven jars: class path, storage format, one KRaft node in combined mode.

Used by the benchmark (`run`) and, through `broker`, to validate the compatibility suites against the
reference implementation. Standard library only.
"""

import pathlib
import shutil
import subprocess
import tempfile

import ports
import processes

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE / "apache"
JARS = PROJECT / "target" / "lib"

# What Apache's own start script gives the server when nothing is set.
DEFAULT_HEAP = ["-Xms1G", "-Xmx1G"]
SMALL_HEAP = ["-Xms128m", "-Xmx512m"]
JVM_OPTIONS = [
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-Djava.awt.headless=true",
]
START_TIMEOUT_S = 90


def class_path():
    """The jars, resolved through Maven on first use."""
    stamp = JARS / ".complete"
    pom = PROJECT / "pom.xml"
    if not stamp.exists() or stamp.stat().st_mtime < pom.stat().st_mtime:
        shutil.rmtree(JARS, ignore_errors=True)
        subprocess.run(
            ["mvn", "-q", "-B", "-Dstyle.color=never", "-f", str(pom), "dependency:copy-dependencies",
             f"-DoutputDirectory={JARS}", "-DincludeScope=runtime"],
            check=True,
        )
        stamp.touch()
    return f"{JARS}/*"


def java(main, *args, heap=SMALL_HEAP, log_level="WARN", log_config=None):
    """The command line that runs a main class of Apache Kafka."""
    config = log_config or PROJECT / "log4j2.properties"
    return ["java", *heap, *JVM_OPTIONS, f"-Dtrine.log.level={log_level}",
            f"-Dlog4j2.configurationFile={config}", "-cp", class_path(), main, *map(str, args)]


def properties(data, port, controller_port, extra):
    """Apache's stock server.properties for one combined node, with our ports and directory."""
    p = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": str(pathlib.Path(data) / "logs"),
        # A single node cannot keep three copies; Apache's stock file sets these too.
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
    }
    p.update(extra)
    return "".join(f"{k}={v}\n" for k, v in p.items())


class ApacheKafka:
    """One node. `start` returns when it accepts connections; `stop` ends it and removes its data."""

    def __init__(self, data=None, heap=DEFAULT_HEAP, extra=None, port=None):
        self.data = pathlib.Path(data or tempfile.mkdtemp(prefix="apache-kafka-"))
        self.heap = heap
        self.extra = extra or {}
        self.port = port or ports.free_port()
        self.process = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        self.data.mkdir(parents=True, exist_ok=True)
        config = self.data / "server.properties"
        if not config.exists():
            config.write_text(properties(self.data, self.port, ports.free_port(), self.extra))
            self._format(config)
        self.log = self.data / "server.log"
        with open(self.log, "ab") as log:
            self.process = processes.start(java("kafka.Kafka", config, heap=self.heap, log_level="INFO"), log)
        try:
            ports.wait_port(self.port, self.process, START_TIMEOUT_S)
        except Exception:
            print(self.log.read_text(errors="replace")[-4000:])
            self.stop()
            raise
        return self

    def _format(self, config):
        main = "kafka.tools.StorageTool"
        run = lambda *a: subprocess.run(java(main, *a, log_level="ERROR"), check=True,
                                        capture_output=True, text=True).stdout.strip()
        run("format", "--standalone", "-t", run("random-uuid"), "-c", config)

    def stop(self):
        ports.end(self.process)
        shutil.rmtree(self.data, ignore_errors=True)
