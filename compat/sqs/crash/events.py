"""What a client did and was answered, one JSON array a line, in a file that survives its SIGKILL.

Times are of the monotonic clock, which is one for all processes of a machine. A line about a request is written before it is
sent, one about an answer after it came:

    ["send", t, queue, source, n]                       about to send message n of a source
    ["sent", t, queue, source, n, id, sequence]          the server has it
    ["again", t, queue, source, n, id, sequence]         the answer to sending it once more with the same deduplication id
    ["receive", begun, ended, queue, [[source, n, id, count], ...]]
    ["delete", t, queue, id]          ["deleted", t, queue, id]
    ["release", t, queue, id]                            about to give it back at once
"""

import json
import os
import time


class Writer:
    """Appends events; nothing is buffered."""

    def __init__(self, path):
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, what, *rest):
        """An event that happens now."""
        self.line([what, time.monotonic(), *rest])

    def line(self, event):
        os.write(self._file, json.dumps(event).encode() + b"\n")


def read(path):
    """Every whole event of a file."""
    with open(path, "rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)


def group_of(source, n):
    """The FIFO group of a message: three for each source."""
    return f"{source}-{n % 3}"
