//! Standard queues.

use super::world::{World, n};
use crate::queues::*;

#[test]
fn a_message_is_received_and_acknowledged() {
    let mut world = World::new(QueueSettings::default());
    assert_eq!(world.put_plain(3), [n(0), n(1), n(2)]);
    let handles = world.take(2);
    assert_eq!(handles, [Handle { number: n(0), receive_count: 1 }, Handle { number: n(1), receive_count: 1 }]);
    assert_eq!(world.counts(), (1, 2, 0, 0));
    assert_eq!(world.ack(&handles[..1]), [Ok(())]);
    assert_eq!(world.ack(&handles[..1]), [Err(HandleError::Gone)]);
    world.restart();
    assert_eq!(world.counts(), (1, 1, 0, 0));
    assert_eq!(world.queue.trim_point(0), 1);
    assert_eq!(world.queue.live(0, 0..3), [1..3]);
    assert_eq!(world.numbers(10), [n(2)]);
}
