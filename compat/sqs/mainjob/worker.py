"""A boto3 worker: receives ten at a time, does the jobs, deletes those that worked. Arguments: queue URL, log file.

The log has a line before each job (`start JOB COUNT`) and one after (`done JOB RESULT`), written before the message is deleted.
A job that fails is left alone: it comes back when its time is over.
"""

import gzip
import hashlib
import os
import signal
import sys

import endpoint


def work(kind, path):
    with open(path, "rb") as file:
        data = file.read()
    return hashlib.sha256(data).hexdigest() if kind == "sha256" else str(len(gzip.compress(data, 6)))


def main():
    url, log_path = sys.argv[1:]
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    client = endpoint.connect(retries=5)
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    while not stopping:
        answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, AttributeNames=["ApproximateReceiveCount"])
        finished = []
        for message in answer.get("Messages", []):
            job, kind, path = message["Body"].split(" ", 2)
            os.write(log, f"start {job} {message['Attributes']['ApproximateReceiveCount']}\n".encode())
            try:
                result = work(kind, path)
            except OSError:
                continue
            os.write(log, f"done {job} {result}\n".encode())
            finished.append({"Id": job, "ReceiptHandle": message["ReceiptHandle"]})
        if finished:
            client.delete_message_batch(QueueUrl=url, Entries=finished)


if __name__ == "__main__":
    main()
