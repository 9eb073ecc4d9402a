"""Tasks of the Celery suite; the worker imports this too."""

import os
import pathlib
import time

import celery

app = celery.Celery("trine")
host = os.environ["TRINE_AWS"]
app.conf.update(
    broker_url=f"sqs://test:test@{host}",
    broker_transport_options={
        "is_secure": False, "region": "us-east-1", "visibility_timeout": 3, "wait_time_seconds": 1, "polling_interval": 0.1,
        "queue_name_prefix": os.environ["TRINE_CELERY_PREFIX"],
    },
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=2,
    task_ignore_result=True,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
)


def note(line):
    """Appends one line that survives the death of the worker."""
    with open(os.environ["TRINE_CELERY_LOG"], "a") as file:
        file.write(f"{line} {os.getpid()}\n")


@app.task
def add(number):
    note(f"add {number}")


@app.task(bind=True, max_retries=3)
def flaky(self, number):
    note(f"flaky {number} {self.request.retries}")
    if self.request.retries < 2:
        raise self.retry(countdown=0)


@app.task
def die_once(number):
    """Kills its whole worker in the middle of the first run."""
    note(f"die {number}")
    marker = pathlib.Path(os.environ["TRINE_CELERY_LOG"] + f".died-{number}")
    if not marker.exists():
        marker.touch()
        os.kill(os.getppid(), 9)
        os.kill(os.getpid(), 9)
    note(f"survived {number}")


@app.task
def later(sent):
    note(f"later {time.time() - sent:.3f}")
