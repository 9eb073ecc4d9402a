use std::{thread, time::Duration};

use trine_types::Timestamp;

use super::{Clock, ClockStep, SimClock, SystemClock, TestClock, anchor::Anchor};

const S: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * S;

#[test]
fn time_starts_at_the_later_of_wall_and_log() {
    assert_eq!(Anchor::new(5 * S, 100 * S, 40 * S).offset(), 95 * S);
    assert_eq!(Anchor::new(5 * S, 100 * S, 140 * S).offset(), 135 * S);
}

#[test]
fn a_step_forward_is_taken_at_once_and_told_once() {
    let mut anchor = Anchor::new(0, 1_000 * S, 0);
    assert_eq!(anchor.observe(S, 1_001 * S + DAY), 1_000 * S + DAY);
    assert_eq!(anchor.observe(2 * S, 1_002 * S + DAY), 1_000 * S + DAY);
    assert_eq!(anchor.take_steps(), [ClockStep::Forward(86_400_000)]);
    assert!(anchor.take_steps().is_empty());
}

#[test]
fn a_step_back_is_slewed_at_one_percent_until_it_is_caught_up() {
    let mut anchor = Anchor::new(0, 1_000 * S, 0);
    // Back by 1 s: after 10 s message time has lost 0.1 s, after 100 s the whole second, and then no more.
    assert_eq!(anchor.observe(10 * S, 1_009 * S), 1_000 * S - S / 10);
    assert_eq!(anchor.observe(60 * S, 1_059 * S), 1_000 * S - 6 * S / 10);
    assert_eq!(anchor.observe(100 * S, 1_099 * S), 999 * S);
    assert_eq!(anchor.observe(500 * S, 1_499 * S), 999 * S);
    assert_eq!(anchor.take_steps(), [ClockStep::Back(1_000)]);
}

#[test]
fn a_day_forward_and_back_freezes_nothing() {
    let mut anchor = Anchor::new(0, 1_000 * S, 0);
    anchor.observe(S, 1_001 * S + DAY);
    let mut last = anchor.offset() + S;
    for second in 2..1_000 {
        let now = second * S + anchor.observe(second * S, (1_000 + second) * S);
        assert!(now - last >= S * 99 / 100, "time must go on at 99 % or more");
        last = now;
    }
    assert_eq!(anchor.take_steps(), [ClockStep::Forward(86_400_000), ClockStep::Back(86_400_000)]);
}

#[test]
fn noise_is_no_step_and_forgotten_steps_do_not_pile_up() {
    let mut anchor = Anchor::new(0, 1_000 * S, 0);
    for i in 1..100 {
        anchor.observe(i * S, (1_000 + i) * S + (i % 2) * 1_000_000);
    }
    assert!(anchor.take_steps().is_empty());
    for i in 100..200 {
        anchor.observe(i * S, (1_000 + i) * S + (i % 2) * S);
    }
    assert_eq!(anchor.take_steps().len(), 16);
}

#[test]
fn the_system_clock_follows_wall_time_and_never_falls() {
    let clock = SystemClock::new(Timestamp::ZERO);
    assert!((clock.now().0 - clock.wall().0).abs() < 2_000);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut last = clock.now();
                for _ in 0..50_000 {
                    let now = clock.now();
                    assert!(now >= last);
                    last = now;
                }
            });
        }
    });
    let (mono, now) = (clock.mono(), clock.now());
    thread::sleep(Duration::from_millis(20));
    assert!(clock.mono() - mono >= Duration::from_millis(20));
    assert!(clock.now().0 - now.0 >= 19);
}

#[test]
fn the_system_clock_starts_after_what_is_stored() {
    let ahead = SystemClock::new(Timestamp::ZERO).wall().plus_ms(3_600_000);
    let clock = SystemClock::new(ahead);
    assert!(clock.now() >= ahead);
    assert!(clock.wall() < ahead);
}

#[test]
fn a_simulated_clock_moves_by_hand_in_all_clones() {
    let clock = SimClock::new(Timestamp(1_000));
    let other = clock.clone();
    clock.advance(Duration::from_millis(250));
    assert_eq!(
        (other.now(), other.mono(), other.wall()),
        (Timestamp(1_250), Duration::from_millis(250), Timestamp(1_250))
    );
    other.set_wall(Timestamp(10));
    other.set_now(Timestamp(900));
    other.advance_mono(Duration::from_secs(1));
    assert_eq!(
        (clock.now(), clock.mono(), clock.wall()),
        (Timestamp(1_250), Duration::from_millis(1_250), Timestamp(10))
    );
    clock.set_now(Timestamp(2_000));
    assert_eq!(other.now(), Timestamp(2_000));
}

#[test]
fn a_frozen_clock_stops_message_time_only() {
    let clock = TestClock::frozen(Timestamp(1_000));
    let other = clock.clone();
    let mono = clock.mono();
    thread::sleep(Duration::from_millis(5));
    assert_eq!(clock.now(), Timestamp(1_000));
    assert!(clock.mono() > mono);
    assert_eq!(clock.advance(Duration::from_secs(1_200)), Timestamp(1_201_000));
    assert_eq!(other.set(Timestamp(5)), Timestamp(1_201_000), "message time never falls");
    assert_eq!(other.now(), Timestamp(1_201_000));
    assert!((TestClock::frozen_now().now().0 - clock.wall().0).abs() < 2_000);
    assert!(clock.wall().0 > 1_600_000_000_000, "signatures need the real time");
}

#[test]
fn only_a_clock_that_is_moved_by_hand_can_be_moved() {
    let clocks: [(Box<dyn Clock>, bool, bool); 3] = [
        (Box::new(SystemClock::new(Timestamp::ZERO)), false, false),
        (Box::new(TestClock::frozen(Timestamp(5))), true, true),
        (Box::new(SimClock::new(Timestamp(5))), false, true),
    ];
    for (clock, frozen, movable) in clocks {
        assert_eq!(clock.is_frozen(), frozen);
        let to = clock.now().plus_ms(10);
        assert_eq!(clock.move_to(to), movable.then_some(to));
        assert_eq!(clock.move_to(Timestamp(1)), movable.then_some(to), "message time never falls");
    }
}
