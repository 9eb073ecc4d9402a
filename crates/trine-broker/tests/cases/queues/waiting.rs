use std::time::Duration;

use trine_broker::{BrokerConfig, Failure, NewMessage, QueueSettings, ReceiveError};

use super::{super::support::World, *};

#[test]
fn one_message_wakes_one_receive_in_the_order_they_came() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    let mut waits: Vec<_> = (0..4).map(|_| world.start(&queue, waiting(10, 20))).collect();
    assert_eq!(world.queue_stats(&queue).waiters, 4);
    world.send(&queue, &["a"]);
    assert_eq!(bodies(&world.run(waits.remove(0).as_mut()).unwrap()), ["a"]);
    world.send(&queue, &["b", "c"]);
    // The first takes what there is, up to what it asked for.
    assert_eq!(bodies(&world.run(waits.remove(0).as_mut()).unwrap()), ["b", "c"]);
    assert!(waits.iter_mut().all(|wait| poll(wait).is_none()));
    assert_eq!(world.queue_stats(&queue).waiters, 2);
}

#[test]
fn a_message_and_its_delivery_to_who_waits_become_durable_together() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    let mut wait = world.start(&queue, waiting(1, 20));
    let broker = world.broker.clone();
    let mut send = Box::pin(broker.queues().send(&queue, vec![message("a")]));
    world.step();
    assert!(poll(&mut send).is_none() && poll(&mut wait).is_none(), "nothing is durable yet");
    world.engine.commit();
    world.step();
    assert!(poll(&mut send).is_some());
    assert_eq!(bodies(&poll(&mut wait).expect("one commit was enough").unwrap()), ["a"]);
}

#[test]
fn a_receive_that_is_given_up_takes_nothing() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    let gone = world.start(&queue, waiting(1, 20));
    let mut wait = world.start(&queue, waiting(1, 20));
    drop(gone);
    world.send(&queue, &["a"]);
    let got = world.run(wait.as_mut()).unwrap();
    assert_eq!((bodies(&got), got[0].receive_count), (vec!["a".to_owned()], 1));
    assert_eq!(world.queue_stats(&queue).waiters, 0);
}

#[test]
fn what_was_taken_and_not_handed_over_is_available_at_once() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    world.send(&queue, &["a", "b"]);
    // Its delivery is decided; nobody is there any more when that is durable.
    let gone = world.start(&queue, take(2));
    drop(gone);
    world.wait(Duration::from_millis(200));
    assert_eq!(world.counts(&queue), (2, 0, 0, 0));
    let got = world.receive(&queue, 2);
    assert_eq!((bodies(&got), got[0].receive_count), (vec!["a".to_owned(), "b".to_owned()], 2), "counts never fall");
    let mut world = world.crash();
    let queue = world.find("q");
    world.wait(Duration::from_secs(31));
    assert_eq!(world.receive(&queue, 2)[0].receive_count, 3);
}

#[test]
fn everything_that_makes_a_message_available_wakes() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings { visibility_ms: 3000, ..QueueSettings::default() });
    world.send_all(&queue, vec![message("a"), NewMessage { delay_ms: Some(1500), ..message("late") }]);
    let held = world.receive(&queue, 1);
    // A delay that ends.
    let mut wait = world.start(&queue, waiting(1, 20));
    let late = world.run(wait.as_mut()).unwrap();
    assert_eq!(bodies(&late), ["late"]);
    assert!(late[0].first_received_at.ms_since(late[0].message.sent_at) >= 1500);
    // A visibility that ends.
    let mut wait = world.start(&queue, waiting(1, 20));
    let back = world.run(wait.as_mut()).unwrap();
    assert_eq!(bodies(&back), ["a"]);
    assert!(back[0].visible_at.ms_since(held[0].visible_at) >= 3000, "not early");
    // One that is given back.
    let mut wait = world.start(&queue, waiting(1, 20));
    assert_eq!(world.extend(&queue, &back[0], 0), Ok(()));
    assert_eq!(bodies(&world.run(wait.as_mut()).unwrap()), ["a"]);
}

#[test]
fn a_wait_ends_empty_in_its_time() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    let before = trine_env::Clock::mono(&world.clock);
    assert_eq!(world.try_receive(&queue, waiting(1, 2)), Ok(Vec::new()));
    let waited = trine_env::Clock::mono(&world.clock) - before;
    assert!((Duration::from_secs(2)..Duration::from_millis(2500)).contains(&waited), "{waited:?}");
    // Message time alone ends it as well.
    let mut wait = world.start(&queue, waiting(1, 20));
    let broker = world.broker.clone();
    let moved = world.run(broker.advance_clock(Duration::from_secs(20))).unwrap();
    assert!(moved.due >= 1);
    assert_eq!(poll(&mut wait), Some(Ok(Vec::new())));
}

#[test]
fn a_stopping_server_answers_who_waits() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    let mut waits: Vec<_> = (0..3).map(|_| world.start(&queue, waiting(1, 20))).collect();
    let broker = world.broker.clone();
    world.run(broker.shutdown(Duration::from_secs(5))).unwrap();
    for wait in &mut waits {
        assert_eq!(poll(wait), Some(Ok(Vec::new())));
    }
    let late = world.try_receive(&queue, waiting(1, 20));
    assert_eq!(late, Err(ReceiveError::Failure(Failure::Stopping)));
}

#[test]
fn a_hundred_waiters_get_their_equal_share() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    let mut waits: Vec<_> = (0..100).map(|_| Some(world.start(&queue, waiting(1, 20)))).collect();
    let mut counts = vec![0_u32; waits.len()];
    for n in 0..1000 {
        world.send(&queue, &[&n.to_string()]);
        let mut woken = 0;
        for (wait, count) in waits.iter_mut().zip(&mut counts) {
            if let Some(done) = wait.as_mut().and_then(poll) {
                assert_eq!(bodies(&done.unwrap()), [n.to_string()]);
                (*count, *wait, woken) = (*count + 1, None, woken + 1);
            }
        }
        assert_eq!(woken, 1, "exactly one wakes");
        for wait in &mut waits {
            if wait.is_none() {
                *wait = Some(world.start(&queue, waiting(1, 20)));
            }
        }
    }
    assert!(counts.iter().all(|count| *count == 10), "{counts:?}");
}

#[test]
fn receives_that_wait_are_bounded() {
    let mut world = World::with(BrokerConfig { receives_waiting_max: 2, ..BrokerConfig::default() });
    let queue = world.queue("q", QueueSettings::default());
    let first = world.start(&queue, waiting(1, 20));
    let _second = world.start(&queue, waiting(1, 20));
    let busy = Failure::Busy { limit: "receives_waiting_max", value: 2 };
    assert_eq!(world.try_receive(&queue, waiting(1, 1)), Err(ReceiveError::Failure(busy)));
    drop(first);
    world.step();
    assert_eq!(world.try_receive(&queue, waiting(1, 1)), Ok(Vec::new()), "one that was given up makes room");
}
