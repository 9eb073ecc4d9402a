"""Virtual environments of pinned clients, made once and reused.

They live under TRINE_COMPAT_CACHE (default ~/.cache/trine-compat). The directory name carries a hash of the
requirements file and the interpreter's version, so a changed pin makes a new environment instead of a half-upgraded one.
"""

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys


def cache_dir():
    """Where environments and other downloads of the suites are kept."""
    named = os.environ.get("TRINE_COMPAT_CACHE")
    return pathlib.Path(named) if named else pathlib.Path.home() / ".cache" / "trine-compat"


def venv_python(requirements, interpreter=None):
    """Path of a Python that has the packages of `requirements` (a file) installed; installs them when needed.

    Safe to call from several processes at once: one installs, the others wait for it.
    """
    requirements = pathlib.Path(requirements)
    interpreter = interpreter or sys.executable
    version = subprocess.run([interpreter, "-V"], capture_output=True, text=True, check=True).stdout.strip()
    digest = hashlib.sha256(requirements.read_bytes() + version.encode()).hexdigest()[:12]
    name = f"{requirements.stem.removeprefix('requirements-')}-{digest}"
    root = cache_dir() / "venvs"
    root.mkdir(parents=True, exist_ok=True)
    home = root / name
    stamp = home / ".complete"
    with open(root / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists():
            shutil.rmtree(home, ignore_errors=True)
            print(f"installing {requirements.name} into {home}", flush=True)
            subprocess.run([interpreter, "-m", "venv", str(home)], check=True)
            pip = [str(home / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
            subprocess.run([*pip, "-r", str(requirements)], check=True)
            stamp.touch()
    return str(home / "bin" / "python")


def python_at_most(minor):
    """A Python 3 interpreter whose minor version is at most `minor`, or None. For clients that new Pythons break."""
    if sys.version_info[:2] <= (3, minor):
        return sys.executable
    for candidate in range(minor, 8, -1):
        path = shutil.which(f"python3.{candidate}")
        if path:
            return path
    return None


def ensure_kcat():
    """Path of kcat; installs Debian's package when it is missing and we may. None when it cannot be had."""
    path = shutil.which("kcat")
    if path is None and shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "kcat"], check=False, **quiet)
        path = shutil.which("kcat")
    return path
