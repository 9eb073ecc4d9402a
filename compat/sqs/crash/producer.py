"""Sends to a standard and to a FIFO queue until SIGTERM, across crashes of the server. Arguments: address, source, log file.

To the FIFO queue it repeats a send until it is answered, and now and then one that was answered long ago.
"""

import random
import signal
import sys
import time

import events
from clients import ERRORS, QUEUES, connect

STANDARD, FIFO = QUEUES
AGAIN_SHARE = 0.1
PAUSE_S = 0.05


class Producer:
    def __init__(self, address, source, log):
        self.client, self.urls = connect(address)
        self.source, self.log = source, events.Writer(log)
        self.random = random.Random(source)
        self.stopping = False
        self.done = []
        signal.signal(signal.SIGTERM, self.stop)

    def stop(self, *_):
        self.stopping = True

    def standard(self, n):
        self.log.write("send", STANDARD, self.source, n)
        try:
            answer = self.client.send_message(QueueUrl=self.urls[STANDARD], MessageBody=f"{self.source} {n}")
        except ERRORS:
            time.sleep(PAUSE_S)
            return
        self.log.write("sent", STANDARD, self.source, n, answer["MessageId"], None)

    def fifo(self, n, what="sent"):
        if what == "sent":
            self.log.write("send", FIFO, self.source, n)
        while True:
            try:
                answer = self.client.send_message(
                    QueueUrl=self.urls[FIFO], MessageBody=f"{self.source} {n}", MessageGroupId=events.group_of(self.source, n),
                    MessageDeduplicationId=f"{self.source}-{n}",
                )
                break
            except ERRORS:
                time.sleep(PAUSE_S)
        self.log.write(what, FIFO, self.source, n, answer["MessageId"], answer["SequenceNumber"])

    def run(self):
        n = 0
        while not self.stopping:
            self.standard(n)
            self.fifo(n)
            self.done.append(n)
            if self.random.random() < AGAIN_SHARE:
                self.fifo(self.random.choice(self.done[-200:]), "again")
            n += 1


if __name__ == "__main__":
    Producer(sys.argv[1], int(sys.argv[2]), sys.argv[3]).run()
