"""COMMAND, INFO, CONFIG, and the probes that tools send to an empty database."""

import re

import respwire
from normalise import TIME
from transcript import script

PUBSUB_COMMANDS = ("publish", "spublish", "subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe")


@script
def command_entries(s):
    """The first six elements of an entry are what clients read: name, arity, flags, key positions."""
    for resp in (2, 3):
        a = s.connect(f"resp{resp}", resp)
        a.connection.send(respwire.command("COMMAND", "INFO", *PUBSUB_COMMANDS, "ping", "echo", "hello", "auth", "quit", "reset", "select", "multi", "exec",
                                       "discard", "watch", "unwatch", "nosuch", "pubsub", "client"))
        got = a.connection.reply()
        entries = respwire.parse(got)[0] if not got.endswith((respwire.NO_REPLY, respwire.CLOSED)) else []
        for entry in entries:
            if entry is None:
                s.record(a, "an unknown command", b"", b"null", ())
                continue
            name, arity, flags, first, last, step = entry[:6]
            s.record(a, f"COMMAND INFO {name.decode()}", b"", repr((len(entry), arity, sorted(flags), first, last, step)).encode(), ())
            s.record(a, f"categories of {name.decode()}", b"", repr(sorted(entry[6])).encode(), ())
        s.record(a, "number of entries", b"", str(len(entries)).encode(), ())


@script
def command_family(s):
    for resp in (2, 3):
        a = s.connect(f"resp{resp}", resp)
        a.command("COMMAND", "INFO", "nosuch")
        a.command("COMMAND", "GETKEYS", "PUBLISH", "a", "b")
        a.command("COMMAND", "GETKEYS", "nosuch")
        a.command("COMMAND", "GETKEYS", "PUBLISH", "a")
        a.command("COMMAND", "GETKEYS")
        a.command("COMMAND", "DOCS", "nosuch")
        a.command("COMMAND", "LIST", "FILTERBY", "PATTERN", "publis?")
        a.command("COMMAND", "LIST", "FILTERBY", "MODULE", "nosuch")
        a.command("COMMAND", "LIST", "FILTERBY", "FOO", "x")
        a.command("COMMAND", "LIST", "FOO")
        count = a.unrecorded("COMMAND", "COUNT")
        entries = a.unrecorded("COMMAND")
        s.record(a, "COUNT and COMMAND agree", b"", repr(count == len(entries) and count > 40).encode(), ())
        docs = a.unrecorded("COMMAND", "DOCS", "publish")
        s.record(a, "COMMAND DOCS publish", b"", repr((docs[0], [docs[1][i] for i in range(0, len(docs[1]), 2)][:2])).encode(), ())


INFO_FIELDS = (
    "redis_version redis_mode arch_bits os process_id run_id tcp_port uptime_in_seconds loading role connected_slaves master_repl_offset "
    "cluster_enabled connected_clients maxclients blocked_clients pubsub_clients used_memory maxmemory total_connections_received "
    "total_commands_processed instantaneous_ops_per_sec total_net_input_bytes total_net_output_bytes rejected_connections pubsub_channels "
    "pubsub_patterns pubsubshard_channels client_output_buffer_limit_disconnections client_query_buffer_limit_disconnections "
    "acl_access_denied_auth acl_access_denied_cmd acl_access_denied_channel total_error_replies"
).split()
SAME_EVERYWHERE = ("redis_mode", "arch_bits", "loading", "role", "connected_slaves", "cluster_enabled", "blocked_clients", "maxclients", "maxmemory")


@script
def info(s):
    for resp in (2, 3):
        a = s.connect(f"resp{resp}", resp)
        text = a.unrecorded("INFO")
        s.record(a, "verbatim in RESP3", b"", repr(text[:4] == b"txt:").encode(), ())
        text = text.removeprefix(b"txt:").decode()
        found = dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)
        s.record(a, "missing fields", b"", repr([name for name in INFO_FIELDS if name not in found]).encode(), ())
        s.record(a, "fields that are alike", b"", repr([(name, found.get(name)) for name in SAME_EVERYWHERE]).encode(), ())
        s.record(a, "run_id", b"", repr(bool(re.fullmatch("[0-9a-f]{40}", found.get("run_id", "")))).encode(), ())
        s.record(a, "version", b"", repr(bool(re.fullmatch(r"\d+\.\d+\.\d+", found.get("redis_version", "")))).encode(), ())
        sections = re.findall(r"(?:^|\r\n\r\n)# (\w+)\r\n", text)
        s.record(a, "sections", b"", " ".join(one for one in sections if one != "Errorstats").encode(), ())
        for words in ("replication", "SERVER", "server clients", "nosuch", "server nosuch", "all", "everything", "default", "pubsub"):
            text = a.unrecorded("INFO", *words.split()).removeprefix(b"txt:").decode()
            sections = re.findall(r"(?:^|\r\n)# (\w+)\r\n", text)
            kept = [one for one in sections if one in ("Server", "Clients", "Replication", "Stats", "Cluster", "Keyspace")]
            s.record(a, f"INFO {words}", b"", repr(kept).encode(), ())
        a.command("INFO", "nosuch")


@script
def info_counts(s):
    a, b = s.connect("a"), s.connect("b", 3)
    b.command("SUBSCRIBE", "count:1", "count:2", replies=2)
    b.command("PSUBSCRIBE", "count:*")
    b.command("SSUBSCRIBE", "count")
    text = a.unrecorded("INFO").decode()
    found = dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)
    names = ("pubsub_channels", "pubsub_patterns", "pubsubshard_channels")
    s.record(a, "pub-sub counts", b"", repr([(name, found.get(name)) for name in names]).encode(), ())


@script
def config(s):
    for resp in (2, 3):
        a = s.connect(f"resp{resp}", resp)
        for words in ("nosuch", "databases", "notify-keyspace-events", "save", "appendonly", "maxmemory", "maxmemory-policy", "replica-read-only",
                      "acl-pubsub-default", "requirepass", "timeout", "tcp-keepalive", "proto-max-bulk-len", "client-query-buffer-limit",
                      "client-output-buffer-limit", "maxclients", "cluster-enabled", "MAXMEMORY-POLICY", "unixsocket"):
            a.command("CONFIG", "GET", words)
        a.command("CONFIG", "RESETSTAT")
        a.command("CONFIG", "SET", "foo", "bar")
        a.command("CONFIG", "SET", "timeout")
        a.command("CONFIG", "SET", "timeout", "0")
        pairs = a.unrecorded("CONFIG", "GET", "max*clients", "databases")
        flat = [pairs[i] for i in range(0, len(pairs), 2)]
        s.record(a, "several patterns", b"", repr(sorted(flat)).encode(), ())


@script
def probes_of_an_empty_database(s):
    for resp in (2, 3):
        a = s.connect(f"resp{resp}", resp)
        for words in ("DBSIZE", "EXISTS a b", "KEYS *", "SCAN 0", "SCAN 0 MATCH x COUNT 10", "TTL a", "TYPE a", "DEL a b", "UNLINK a", "WAIT 0 0",
                      "SLOWLOG LEN", "LATENCY LATEST", "MODULE LIST", "MEMORY USAGE a", "FLUSHALL", "FLUSHDB", "FLUSHALL ASYNC", "FLUSHALL FOO",
                      "SCRIPT FLUSH", "FUNCTION FLUSH", "ROLE", "UNWATCH", "XRANGE s - +"):
            a.command(*words.split())
        a.command("TIME", normalise=TIME)
        a.command("LASTSAVE", normalise=TIME)
        a.nothing_more()


@script
def data_commands_are_unknown(s):
    """Redis has them; Trine says that it has not, in the words that clients look for."""
    a = s.connect()
    for words in ("GET x", "SET x y", "LPUSH l 1", "RPOP l", "XADD s * a b", "XREAD STREAMS s 0", "EVAL code 0", "HSET h a b", "ZADD z 1 a"):
        a.command(*words.split())
    a.unrecorded("FLUSHALL")
    a.command("PING")


@script
def monitor(s):
    a, b = s.connect("a"), s.connect("b")
    a.command("MONITOR")
    b.command("PING")
    b.command("ECHO", b'a "quoted"\r\n\x00\xff')
    b.command("PUBLISH", "monitor:c", "x")
    b.command("AUTH", "default", "a secret")
    b.command("nosuch", "x")
    b.command("PUBSUB", "NUMPAT")
    b.command("PING", "end")
    got = b""
    for _ in range(12):
        one = a.connection.reply(1.0)
        got += one
        if b'"end"' in one or one.endswith((respwire.NO_REPLY, respwire.CLOSED)):
            break
    lines = re.sub(rb"\+\d{10}\.\d{6} \[0 127\.0\.0\.1:\d+\]", b"+<time> [0 <addr>]", got)
    s.record(a, "what is shown", b"", lines, ())
    a.command("RESET")
    b.command("PING", "not shown")
    a.command("PING")


@script
def shutdown_is_refused_here(s):
    a = s.connect()
    a.command("SHUTDOWN", "FOO")
    a.command("DEBUG", "nosuch")
