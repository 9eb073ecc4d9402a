"""Runs the tests of the checkers before a job trusts them."""

import pathlib
import subprocess
import sys

LIB = pathlib.Path(__file__).resolve().parent


def run(*folders):
    """Runs unittest discovery in this folder and `folders`; SystemExit when a checker does not see what it must."""
    for folder in (LIB, *folders):
        command = [sys.executable, "-m", "unittest", "discover", "-q", "-s", str(folder), "-p", "test_*.py"]
        done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(LIB)}, timeout=60)
        if done.returncode != 0:
            raise SystemExit(f"the checkers in {folder} are broken:\n{done.stderr}")
