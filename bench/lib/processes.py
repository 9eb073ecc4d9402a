"""What the kernel knows of a process, and processes that never outlive this one. Linux only."""

import ctypes
import os
import signal
import subprocess

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    """Runs in the child: the kernel kills it when the benchmark ends in any way."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(command, log):
    """Starts a server in the background with its output in a file."""
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)


def cpu_seconds(pid):
    """User plus system time of all threads, past and present."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def memory_mib(pid):
    """(VmRSS, VmHWM): resident now, and the most it ever was."""
    found = {}
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            name, _, value = line.partition(":")
            if name in ("VmRSS", "VmHWM"):
                found[name] = int(value.split()[0]) / 1024
    return found["VmRSS"], found["VmHWM"]
