"""What is replaced before replies are compared: facts of one process, not of the protocol.

Each is a list of (regular expression, replacement, why). A step names the ones it needs; nothing is replaced elsewhere.
"""

# A lone integer reply that is a number of the server's own, such as a client id.
INTEGER = [(rb"^:\d+\r\n", b":<n>\r\n", "client ids count from the server's start")]

HELLO = [
    (rb"(\$7\r\nversion\r\n)\$\d+\r\n[0-9.]+\r\n", rb"\1<version>\r\n", "7.0.15 here, 7.4 or later in the reference"),
    (rb"(\$2\r\nid\r\n):\d+\r\n", rb"\1:<n>\r\n", "client ids count from the server's start"),
]

TIME = [
    (rb"\$10\r\n\d{10}\r\n\$\d\r\n\d{1,6}\r\n", b"<seconds><microseconds>", "the time of day"),
    (rb"^:\d{10}\r\n", b":<seconds>\r\n", "the time of day"),
]

CLUSTER = [
    (rb"\b[0-9a-f]{40}\b", b"<id>", "a node's id is drawn by chance"),
    (rb"(?m)^:(?!16383\r)\d{4,5}\r$", b":<port>\r", "the port it listens on"),
    (rb"127\.0\.0\.1:\d+@\d+(,[^ ]*)?", b"<addr>", "the port it listens on; a host name follows since 7.0"),
    (rb"myself,master - 0 \d+ \d+ connected", b"myself,master - 0 <time> <epoch> connected", "times of heartbeats and the epoch of its configuration"),
    (rb"(?s)^([$=])\d+\r\n(?=(txt:)?<id>)", rb"\1<length>\r\n", "the lengths of the above"),
    (rb"(?s)(replication-offset\r\n):\d+", rb"\1:<n>", "the offset of replication, which counts what was replicated"),
]

IDS = [(rb"\d+\.\d+\.\d+", b"<version>", "a server's version")]

ALL = {"INTEGER": INTEGER, "HELLO": HELLO, "TIME": TIME, "CLUSTER": CLUSTER, "IDS": IDS}
