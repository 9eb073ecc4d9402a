"""Receives from both queues until SIGTERM, across crashes of the server. Arguments: address, number, log file.

Most messages are deleted, some given back at once, some simply kept until their time is over. After SIGUSR1 it deletes all.
"""

import random
import signal
import sys
import time

import events
from clients import ERRORS, QUEUES, connect

RELEASE_SHARE, KEEP_SHARE = 0.1, 0.05
PAUSE_S = 0.05


class Consumer:
    def __init__(self, address, number, log):
        self.client, self.urls = connect(address)
        self.log, self.random = events.Writer(log), random.Random(number)
        self.stopping = self.draining = False
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "stopping", True))
        signal.signal(signal.SIGUSR1, lambda *_: setattr(self, "draining", True))

    def finish(self, queue, message):
        url, handle, message_id = self.urls[queue], message["ReceiptHandle"], message["MessageId"]
        draw = 1.0 if self.draining else self.random.random()
        if draw < KEEP_SHARE:
            return
        try:
            if draw < KEEP_SHARE + RELEASE_SHARE:
                self.log.write("release", queue, message_id)
                self.client.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
            else:
                self.log.write("delete", queue, message_id)
                self.client.delete_message(QueueUrl=url, ReceiptHandle=handle)
                self.log.write("deleted", queue, message_id)
        except ERRORS:
            time.sleep(PAUSE_S)

    def take(self, queue):
        begun = time.monotonic()
        try:
            answer = self.client.receive_message(
                QueueUrl=self.urls[queue], MaxNumberOfMessages=self.random.randrange(1, 11), AttributeNames=["ApproximateReceiveCount"],
            )
        except ERRORS:
            time.sleep(PAUSE_S)
            return
        messages = answer.get("Messages", [])
        if not messages:
            time.sleep(0.01)
            return
        told = [[*map(int, m["Body"].split()), m["MessageId"], int(m["Attributes"]["ApproximateReceiveCount"])] for m in messages]
        self.log.line(["receive", begun, time.monotonic(), queue, told])
        for message in messages:
            self.finish(queue, message)

    def run(self):
        while not self.stopping:
            for queue in QUEUES:
                self.take(queue)


if __name__ == "__main__":
    Consumer(sys.argv[1], int(sys.argv[2]), sys.argv[3]).run()
