"""Real text for the main job: the lines of documents and sources that any machine has.

A file's path is the key of all its lines, so "order per key" means that a file comes out with its lines in order. Each
file belongs to one producer, because partitioners differ between clients.
"""

import array
import collections
import os
import pathlib
import sys
import sysconfig
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import eventlog  # noqa: E402

# Longer lines are generated data rather than text.
LINE_BYTES_MAX = 16 * 1024
FILE_BYTES_MAX = 4 * 1024 * 1024

Producer = collections.namedtuple("Producer", "path crcs keys")


def folders():
    """Where to look, in this order; what does not exist is skipped."""
    home = pathlib.Path.home()
    named = ["/usr/share/dict", "/usr/share/common-licenses", "/usr/share/doc", "/usr/lib/python3"]
    named += [sysconfig.get_path("stdlib"), home / ".cargo" / "registry" / "src", "/usr/share/perl", "/usr/include"]
    return [path for path in map(pathlib.Path, named) if path.is_dir()]


def text_files():
    """Yields (path, lines) of text files, in a fixed order."""
    for top in folders():
        for folder, subfolders, names in os.walk(top):
            subfolders.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                try:
                    if os.path.islink(path) or os.path.getsize(path) > FILE_BYTES_MAX:
                        continue
                    data = pathlib.Path(path).read_bytes()
                    if b"\0" in data:
                        continue
                    data.decode("utf-8")
                except (OSError, UnicodeDecodeError):
                    continue
                lines = [line.rstrip(b"\r") for line in data.split(b"\n")]
                lines = [line for line in lines if line.strip() and len(line) <= LINE_BYTES_MAX]
                if lines:
                    yield path, lines


def write(directory, producers, total):
    """Writes `total` lines into one file per producer ("key TAB value"); returns a list of Producer.

    When the machine has fewer lines, they come again under other keys.
    """
    made = [Producer(pathlib.Path(directory) / f"lines-{i}.txt", array.array("I"), array.array("I")) for i in range(producers)]
    outputs = [open(p.path, "wb") for p in made]
    key_number = written = round_number = 0
    while written < total:
        before = written
        for path, lines in text_files():
            lines = lines[: total - written]
            # To the producer with the fewest lines so far.
            source = min(range(producers), key=lambda i: len(made[i].crcs))
            producer, output = made[source], outputs[source]
            key = f"{round_number}{path}".replace("\t", " ").replace("\n", " ").encode()
            for line in lines:
                value = eventlog.value_of(source, len(producer.crcs), line)
                producer.crcs.append(zlib.crc32(value, zlib.crc32(key)))
                producer.keys.append(key_number)
                output.write(b"%s\t%s\n" % (key, value))
            written += len(lines)
            key_number += 1
            if written >= total:
                break
        if written == before:
            raise SystemExit(f"no text found in {', '.join(map(str, folders()))}")
        round_number += 1
    for output in outputs:
        output.close()
    return made
