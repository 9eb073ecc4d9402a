//! The stripe, inbox and wake protocol under many interleavings.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use shuttle::{
    sync::{Condvar, Mutex, mpsc},
    thread,
};
use trine_core::pubsub::{Kind, Subscriptions};
use trine_env::SimClock;

use super::{hub::Hub, *};

const ITERATIONS: usize = 400;
const CHANNEL: &[u8] = b"news.a";

/// A thread's bell.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap() = true;
        self.changed.notify_one();
    }

    fn wait(&self) {
        let mut rung = self.rung.lock().unwrap();
        while !*rung {
            rung = self.changed.wait(rung).unwrap();
        }
        *rung = false;
    }
}

/// A thread with one subscriber, as an edge's worker is.
struct Worker {
    port: Port,
    bell: Arc<Bell>,
    tables: Subscriptions,
    seen: Vec<Bytes>,
}

impl Worker {
    fn new(hub: &PubSub, bound: usize) -> Self {
        let bell = Arc::new(Bell::default());
        let ring = Arc::clone(&bell);
        let port = hub.port_bounded(bound, move || ring.ring());
        Self { port, bell, tables: Subscriptions::default(), seen: Vec::new() }
    }

    fn hand_out(&mut self) {
        while let Some(delivery) = self.port.pop() {
            let exact = self.tables.subscribers(Kind::Channel, delivery.hash, &delivery.channel).len();
            let patterns = delivery.patterns.iter().flat_map(|p| p.iter());
            let by_pattern: usize =
                patterns.map(|p| self.tables.subscribers(Kind::Pattern, p.hash, &p.name).len()).sum();
            for _ in 0..exact + by_pattern {
                self.seen.push(delivery.payload.clone());
            }
        }
    }

    fn subscribe(&mut self, kind: Kind, name: &[u8]) {
        let hash = self.port.hash(name);
        let name = self.port.subscribe(kind, hash, name);
        self.hand_out();
        self.tables.add(0, kind, hash, &name);
    }

    fn unsubscribe(&mut self, kind: Kind, name: &[u8]) {
        let hash = self.port.hash(name);
        self.port.unsubscribe(kind, hash, name);
        self.hand_out();
        self.tables.remove(0, kind, hash, name);
    }

    fn publish(&mut self, text: &'static str) -> u64 {
        let receivers = self.port.publish(Space::Global, CHANNEL, &Bytes::from_static(text.as_bytes()));
        self.hand_out();
        receivers.count
    }

    /// Waits for messages until there are so many.
    fn wait_for(&mut self, messages: usize) {
        while self.seen.len() < messages {
            self.bell.wait();
            self.port.take();
            self.hand_out();
        }
    }
}

fn hub() -> PubSub {
    PubSub::new(OUTBOX_TOTAL_DEFAULT, Arc::new(SimClock::new(trine_types::Timestamp::ZERO)))
}

fn check(test: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(test, ITERATIONS);
}

/// Two threads publish, one of them is subscribed as well, a third only listens: all see one order, and everything that was counted arrives.
#[test]
fn all_see_one_order_and_every_count_is_true() {
    check(|| {
        let hub = hub();
        let (ready, go) = mpsc::channel();
        let mut listener = Worker::new(&hub, 1 << 20);
        let listening = thread::spawn(move || {
            listener.subscribe(Kind::Channel, CHANNEL);
            ready.send(()).unwrap();
            listener.wait_for(4);
            listener.seen
        });
        go.recv().unwrap();
        let mut other = Worker::new(&hub, 1 << 20);
        let mut both = Worker::new(&hub, 1 << 20);
        let publishing = thread::spawn(move || {
            let counts = [other.publish("a"), other.publish("b")];
            other.port.wake_others();
            counts
        });
        both.subscribe(Kind::Channel, CHANNEL);
        let own = [both.publish("c"), both.publish("d")];
        both.port.wake_others();
        assert_eq!(own, [2, 2]);
        let counts = publishing.join().unwrap();
        let heard_all = listening.join().unwrap();
        // What the other publisher counted twice is on its way to us.
        let twice = counts.iter().filter(|n| **n == 2).count();
        both.port.take();
        both.hand_out();
        assert_eq!(both.seen.len(), 2 + twice, "{counts:?}");
        let common: Vec<_> = heard_all.iter().filter(|m| both.seen.contains(m)).cloned().collect();
        assert_eq!(common, both.seen);
    });
}

/// What was counted before the end of a subscription arrives before its confirmation, nothing after.
#[test]
fn nothing_is_lost_or_late_at_the_end_of_a_subscription() {
    for (kind, name) in [(Kind::Channel, CHANNEL), (Kind::Pattern, b"news.*")] {
        check(move || {
            let hub = hub();
            let mut subscriber = Worker::new(&hub, 1 << 20);
            let mut publisher = Worker::new(&hub, 1 << 20);
            let publishing = thread::spawn(move || {
                let count = publisher.publish("a") + publisher.publish("b");
                publisher.port.wake_others();
                count
            });
            subscriber.subscribe(kind, name);
            subscriber.unsubscribe(kind, name);
            let at_the_end = subscriber.seen.len() as u64;
            let counted = publishing.join().unwrap();
            subscriber.port.take();
            subscriber.hand_out();
            assert_eq!(subscriber.seen.len() as u64, at_the_end, "nothing comes after the confirmation");
            assert_eq!(counted, at_the_end);
        });
    }
}

/// An exact and a pattern subscription on different threads see the same order.
#[test]
fn patterns_share_the_order_of_the_channel() {
    check(|| {
        let hub = hub();
        let mut exact = Worker::new(&hub, 1 << 20);
        let mut pattern = Worker::new(&hub, 1 << 20);
        exact.subscribe(Kind::Channel, CHANNEL);
        pattern.subscribe(Kind::Pattern, b"*");
        let publishers: Vec<_> = ["a", "b"]
            .into_iter()
            .map(|text| {
                let mut publisher = Worker::new(&hub, 1 << 20);
                thread::spawn(move || {
                    assert_eq!(publisher.publish(text), 2);
                    publisher.port.wake_others();
                })
            })
            .collect();
        exact.wait_for(2);
        pattern.wait_for(2);
        assert_eq!(exact.seen, pattern.seen);
        for publisher in publishers {
            publisher.join().unwrap();
        }
    });
}

/// A full inbox holds its publisher back, and emptying it lets the publisher go on: no wake is lost.
#[test]
fn a_stalled_publisher_goes_on_when_there_is_room() {
    check(|| {
        let hub = hub();
        let mut slow = Worker::new(&hub, 1);
        slow.subscribe(Kind::Channel, CHANNEL);
        let mut publisher = Worker::new(&hub, 1 << 20);
        let publishing = thread::spawn(move || {
            for _ in 0..2 {
                let receivers = publisher.port.publish(Space::Global, CHANNEL, &Bytes::from_static(b"m"));
                publisher.port.wake_others();
                let stall = receivers.stall.expect("a bound of one byte is reached at once");
                while !stall.is_over() {
                    publisher.bell.wait();
                }
            }
        });
        slow.wait_for(2);
        publishing.join().unwrap();
    });
}

/// A neutral subscriber is cut off once, and told so, whichever way it happens.
#[test]
fn a_slow_subscriber_is_cut_off_once() {
    check(|| {
        let clock = Arc::new(SimClock::new(trine_types::Timestamp::ZERO));
        let hub = PubSub::new(150, clock);
        let limits = OutboxLimits { hard_bytes: 200, soft_bytes: 0, soft_seconds: 0 };
        let mut slow = hub.subscriber(limits);
        slow.subscribe(Kind::Channel, CHANNEL);
        let publishers: Vec<_> = (0..2)
            .map(|_| {
                let mut publisher = Worker::new(&hub, 1 << 20);
                thread::spawn(move || publisher.publish("0123456789"))
            })
            .collect();
        for publisher in publishers {
            assert_eq!(publisher.join().unwrap(), 1, "a subscriber cut off meanwhile is still counted");
        }
        assert!(slow.try_receive().is_err());
        let stats = hub.stats();
        assert_eq!(stats.cut_offs.iter().sum::<u64>(), 1);
        assert_eq!(stats.outbox_bytes, 0);
        drop(slow);
        assert_eq!((hub.stats().channels, hub.stats().subscribers), (0, 0));
    });
}

/// Deliveries that are taken keep their place among those that come later.
#[test]
fn the_directory_is_empty_when_all_is_given_back() {
    check(|| {
        let hub = Arc::new(Hub::new(1 << 20, Arc::new(SimClock::new(trine_types::Timestamp::ZERO))));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let hub = Arc::clone(&hub);
                thread::spawn(move || {
                    let mut port = Port::new(hub, 1 << 20, Box::new(|| {}));
                    for kind in Kind::ALL {
                        let hash = port.hash(CHANNEL);
                        port.subscribe(kind, hash, CHANNEL);
                        port.unsubscribe(kind, hash, CHANNEL);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let stats = hub.stats();
        assert_eq!((stats.channels, stats.shard_channels, stats.patterns), (0, 0, 0));
        let mut left = VecDeque::new();
        assert_eq!(hub.now(), Duration::ZERO);
        hub.channels(Space::Global, None, |name, _| left.push_back(Arc::clone(name)));
        assert!(left.is_empty());
    });
}
