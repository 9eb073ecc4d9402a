use std::time::Duration;

use trine_broker::{
    MessageNumber, NewConsumer, Pushed, QueueDurability, QueueRef, QueueSettings, Settlement, SubscribeError,
    Subscription, SubscriptionEnd,
};

use super::{super::support::World, *};

fn with(prefetch: u32) -> NewConsumer {
    NewConsumer { prefetch, holder: "tester".to_owned(), ..NewConsumer::default() }
}

impl World {
    fn try_subscribe(&mut self, queue: &QueueRef, consumer: NewConsumer) -> Result<Subscription, SubscribeError> {
        let broker = self.broker.clone();
        self.run(broker.queues().subscribe(queue, consumer))
    }

    fn subscribe(&mut self, queue: &QueueRef, consumer: NewConsumer) -> Subscription {
        self.try_subscribe(queue, consumer).expect("the consumer is let in")
    }

    /// Everything that a consumer was sent and did not take yet.
    fn pushed(&mut self, subscription: &mut Subscription) -> Vec<Pushed> {
        self.wait(Duration::from_millis(300));
        let mut pushed = Vec::new();
        loop {
            let mut next = Box::pin(subscription.next());
            match (0..8).find_map(|_| poll(&mut next).or_else(|| (self.step(), None).1)) {
                Some(one) => pushed.push(one.expect("a message")),
                None => return pushed,
            }
        }
    }

    fn settle(&mut self, subscription: &Subscription, pushed: &[Pushed], what: Settlement) {
        subscription.settle(numbers(pushed), what);
        self.run(subscription.settled()).expect("settled");
    }

    fn end(&mut self, subscription: &mut Subscription) -> SubscriptionEnd {
        self.run(subscription.next()).expect_err("nothing comes any more")
    }
}

fn numbers(pushed: &[Pushed]) -> Vec<MessageNumber> {
    pushed.iter().map(|one| one.message.number).collect()
}

fn texts(pushed: &[Pushed]) -> Vec<String> {
    pushed.iter().map(|one| String::from_utf8_lossy(&one.message.body).into_owned()).collect()
}

#[test]
fn a_consumer_gets_as_many_as_its_credit_allows_and_more_as_it_settles() {
    for durability in [QueueDurability::Default, QueueDurability::Interval(50), QueueDurability::Memory] {
        let mut world = World::new();
        let queue = world.queue("q", QueueSettings { durability, ..QueueSettings::default() });
        world.send(&queue, &["a", "b", "c", "d", "e"]);
        let mut consumer = world.subscribe(&queue, with(2));
        let first = world.pushed(&mut consumer);
        assert_eq!(texts(&first), ["a", "b"]);
        assert_eq!((first[0].receive_count, world.counts(&queue)), (1, (3, 2, 0, 0)));
        world.settle(&consumer, &first[..1], Settlement::Done);
        let second = world.pushed(&mut consumer);
        assert_eq!(texts(&second), ["c"]);
        // Given back: first of all again, its receive counted.
        world.settle(&consumer, &first[1..], Settlement::Requeue);
        let again = world.pushed(&mut consumer);
        assert_eq!((texts(&again), again[0].receive_count), (vec!["b".to_owned()], 2));
        // A number that is not its own any more changes nothing; b is again.
        world.settle(&consumer, &first, Settlement::Done);
        assert_eq!(world.counts(&queue), (1, 2, 0, 0));
        consumer.set_prefetch(0);
        assert_eq!(texts(&world.pushed(&mut consumer)), ["d", "e"]);
        assert_eq!(world.queue_stats(&queue).consumers, 1);
    }
}

#[test]
fn everything_of_a_consumer_that_goes_away_is_back_at_the_head() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    world.send(&queue, &["a", "b", "c"]);
    let mut gone = world.subscribe(&queue, with(2));
    // One taken, one still on its way to it.
    let taken = world.run(gone.next()).expect("a message");
    assert_eq!(taken.message.body, "a");
    let mut next = world.subscribe(&queue, with(0));
    assert_eq!(texts(&world.pushed(&mut next)), ["c"]);
    drop(gone);
    let back = world.pushed(&mut next);
    assert_eq!((texts(&back), back[0].receive_count), (vec!["a".to_owned(), "b".to_owned()], 2));
    drop(next);
    world.wait(Duration::from_millis(100));
    assert_eq!(world.counts(&queue), (3, 0, 0, 0));
    // Nothing has a deadline: only the end of its consumer, or of the process, gives it back.
    let mut held = world.subscribe(&queue, with(0));
    assert_eq!(world.pushed(&mut held).len(), 3);
    world.wait(Duration::from_secs(90));
    assert_eq!(world.counts(&queue), (0, 3, 0, 0));
    let mut world = world.crash();
    drop(held);
    let queue = world.find("q");
    assert_eq!(world.counts(&queue), (3, 0, 0, 0));
    assert_eq!(bodies(&world.receive(&queue, 10)), ["a", "b", "c"]);
}

#[test]
fn a_push_waits_for_its_message_and_not_for_its_delivery() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    let mut consumer = world.subscribe(&queue, with(1));
    let broker = world.broker.clone();
    let mut send = Box::pin(broker.queues().send(&queue, vec![message("a"), message("b")]));
    assert!(poll(&mut send).is_none());
    world.step();
    {
        let mut next = Box::pin(consumer.next());
        assert!(poll(&mut next).is_none(), "what a crash can undo is shown to nobody");
    }
    world.run(send.as_mut()).expect("sent");
    let first = world.pushed(&mut consumer);
    assert_eq!(texts(&first), ["a"]);
    // The next one is durable: it comes before the acknowledgement and its own delivery are.
    consumer.settle(numbers(&first), Settlement::Done);
    world.step();
    let second = world.run_without_commit(consumer.next()).expect("a message");
    assert_eq!(second.message.body, "b");
}

#[test]
fn consumers_are_served_in_turn_and_receives_with_them() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    let mut consumers: Vec<_> = (0..3).map(|_| world.subscribe(&queue, with(0))).collect();
    let mut counts = [0; 3];
    let mut received = 0;
    for n in 0..100 {
        let mut wait = world.start(&queue, waiting(1, 20));
        for k in 0..4 {
            world.send(&queue, &[&format!("{n}.{k}")]);
        }
        for (consumer, count) in consumers.iter_mut().zip(&mut counts) {
            *count += world.pushed(consumer).len();
        }
        if let Some(got) = poll(&mut wait) {
            let got = got.unwrap();
            received += got.len();
            world.ack(&queue, &got);
        }
    }
    assert_eq!((counts, received), ([100; 3], 100), "each has a quarter");
}

#[test]
fn a_higher_priority_comes_first_as_long_as_it_has_credit() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    let mut low = world.subscribe(&queue, with(0));
    let mut high = world.subscribe(&queue, NewConsumer { priority: 5, ..with(2) });
    let wait = world.start(&queue, waiting(1, 20));
    world.send(&queue, &["a", "b", "c", "d"]);
    let first = world.pushed(&mut high);
    assert_eq!(texts(&first), ["a", "b"]);
    assert_eq!(texts(&world.pushed(&mut low)), ["c"]);
    assert_eq!(bodies(&world.run(wait).unwrap()), ["d"], "a receive that waits has priority 0");
    world.settle(&high, &first, Settlement::Done);
    world.send(&queue, &["e"]);
    assert_eq!(texts(&world.pushed(&mut high)), ["e"]);
}

#[test]
fn an_exclusive_consumer_is_alone() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    let other = world.subscribe(&queue, with(1));
    let exclusive = || NewConsumer { exclusive: true, ..with(1) };
    assert_eq!(world.try_subscribe(&queue, exclusive()).err(), Some(SubscribeError::InUse));
    drop(other);
    let only = world.subscribe(&queue, exclusive());
    assert_eq!(world.try_subscribe(&queue, with(1)).err(), Some(SubscribeError::InUse));
    world.run(only.cancel()).unwrap();
    drop(world.subscribe(&queue, with(1)));
}

#[test]
fn a_cancelled_consumer_keeps_what_it_has_until_it_settles_or_goes() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    world.send(&queue, &["a", "b", "c"]);
    let mut consumer = world.subscribe(&queue, with(2));
    world.run(consumer.cancel()).unwrap();
    let taken = [world.run(consumer.next()).unwrap(), world.run(consumer.next()).unwrap()];
    assert_eq!(texts(&taken), ["a", "b"], "sent before");
    assert_eq!(
        (world.end(&mut consumer), world.end(&mut consumer)),
        (SubscriptionEnd::Cancelled, SubscriptionEnd::Cancelled)
    );
    world.settle(&consumer, &taken[..1], Settlement::Done);
    assert_eq!(world.counts(&queue), (1, 1, 0, 0));
    drop(consumer);
    world.wait(Duration::from_millis(100));
    assert_eq!(world.counts(&queue), (2, 0, 0, 0));
}

#[test]
fn without_acknowledgements_a_message_is_done_when_it_is_taken() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    world.send(&queue, &["a", "b"]);
    let mut consumer = world.subscribe(&queue, NewConsumer { no_ack: true, ..with(0) });
    assert_eq!(world.run(consumer.next()).unwrap().message.body, "a");
    world.run(consumer.settled()).unwrap();
    assert_eq!(world.counts(&queue), (0, 1, 0, 0), "the other one is on its way");
    drop(consumer);
    world.wait(Duration::from_millis(100));
    assert_eq!(bodies(&world.receive(&queue, 10)), ["b"]);
}

#[test]
fn a_consumer_that_takes_nothing_is_sent_a_window_and_no_more() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    let mut consumer = world.subscribe(&queue, with(0));
    let texts_sent: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    world.send(&queue, &texts_sent.iter().map(String::as_str).collect::<Vec<_>>());
    let (ready, in_flight, ..) = world.counts(&queue);
    assert_eq!((ready, in_flight), (136, 64));
    let mut got = Vec::new();
    while got.len() < 200 {
        got.extend(texts(&world.pushed(&mut consumer)));
    }
    assert_eq!(got, texts_sent, "in order, all of them, once it takes them");
}

#[test]
fn credit_can_be_shared_over_queues_and_changed() {
    let mut world = World::new();
    let broker = world.broker.clone();
    let (one, two) = (world.queue("one", QueueSettings::default()), world.queue("two", QueueSettings::default()));
    let credit = broker.queues().credit(2);
    let shared = || NewConsumer { credit: Some(credit.clone()), ..with(0) };
    let (mut a, mut b) = (world.subscribe(&one, shared()), world.subscribe(&two, shared()));
    world.send(&one, &["1", "2", "3"]);
    world.send(&two, &["4", "5"]);
    let of_one = world.pushed(&mut a);
    assert_eq!(
        (texts(&of_one), world.pushed(&mut b).len(), credit.used()),
        (vec!["1".to_owned(), "2".to_owned()], 0, 2)
    );
    world.settle(&a, &of_one[..1], Settlement::Done);
    let more = [world.pushed(&mut a), world.pushed(&mut b)].concat();
    assert_eq!((more.len(), credit.used()), (1, 2), "whoever is first gets it");
    credit.set_limit(4);
    let more = [world.pushed(&mut a), world.pushed(&mut b)].concat();
    assert_eq!((more.len(), credit.used()), (2, 4));
    // A consumer that goes away gives its credit back.
    drop(a);
    world.wait(Duration::from_millis(100));
    let rest = world.pushed(&mut b).len() as u32;
    assert_eq!(u64::from(credit.used()), world.counts(&two).1);
    assert!(rest <= 2);
    drop(b);
    world.wait(Duration::from_millis(100));
    assert_eq!(credit.used(), 0);
}

#[test]
fn too_many_deliveries_and_groups_hold_for_pushes_too() {
    let mut world = World::new();
    let queue = world.queue("q", dead_letters_to("dlq", 2));
    let dlq = world.queue("dlq", QueueSettings::default());
    world.send(&queue, &["bad"]);
    let mut consumer = world.subscribe(&queue, with(1));
    for count in 1..=2 {
        let got = world.pushed(&mut consumer);
        assert_eq!(got[0].receive_count, count);
        world.settle(&consumer, &got, Settlement::Requeue);
    }
    assert!(world.pushed(&mut consumer).is_empty());
    world.wait(Duration::from_secs(1));
    assert_eq!(bodies(&world.receive(&dlq, 1)), ["bad"]);
    let orders = world.queue("orders", fifo());
    world.send_all(&orders, vec![grouped("a1", "a"), grouped("a2", "a"), grouped("b1", "b")]);
    let mut first = world.subscribe(&orders, with(1));
    let mut second = world.subscribe(&orders, with(0));
    let (of_first, of_second) = (world.pushed(&mut first), world.pushed(&mut second));
    assert_eq!(
        (texts(&of_first), texts(&of_second)),
        (vec!["a1".to_owned()], vec!["b1".to_owned()]),
        "a2 waits for a1"
    );
    world.settle(&first, &of_first, Settlement::Done);
    let more = [world.pushed(&mut first), world.pushed(&mut second)].concat();
    assert_eq!(texts(&more), ["a2"]);
}

#[test]
fn the_end_of_a_queue_or_of_the_server_ends_the_stream() {
    let mut world = World::new();
    let broker = world.broker.clone();
    let queue = world.queue("q", QueueSettings::default());
    let mut consumer = world.subscribe(&queue, with(1));
    world.run(broker.queues().delete(&queue)).unwrap();
    assert_eq!(world.end(&mut consumer), SubscriptionEnd::Deleted);
    assert_eq!(world.try_subscribe(&queue, with(1)).err(), Some(SubscribeError::Deleted));
    let queue = world.queue("q", QueueSettings::default());
    let mut consumer = world.subscribe(&queue, with(1));
    world.run(broker.shutdown(Duration::from_secs(5))).unwrap();
    assert_eq!(world.end(&mut consumer), SubscriptionEnd::Stopping);
}
