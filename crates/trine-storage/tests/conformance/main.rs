//! One suite for every store: what [`trine_storage::ShardStore`] promises (G1–G8), on memory, on a simulated disk and on a real directory.

mod harness;
mod suite;

use self::harness::{Directory, Harness, Memory, Simulated};

macro_rules! suite {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $name() { super::suite::$name(&mut super::Memory::new()); })*
        }
        mod simulated {
            $(#[test] fn $name() { super::suite::$name(&mut super::Simulated::new(1)); })*
        }
        mod directory {
            $(#[test] fn $name() { super::suite::$name(&mut super::Directory::new()); })*
        }
    };
}

suite!(
    batches_are_whole_or_absent,
    lsns_are_dense_and_replay_keeps_their_order,
    what_is_durable_survives_a_crash_and_nothing_is_invented,
    an_interval_is_kept,
    a_clean_stop_keeps_everything_and_says_so,
    reads_give_the_bytes_appended,
    reads_stop_at_their_limits_and_skip_gaps,
    times_are_found,
    trims_and_drops_take_only_what_is_below_and_can_be_repeated,
    a_checkpoint_and_the_log_after_it_are_the_same_as_the_whole_log,
    an_abandoned_checkpoint_changes_nothing,
    a_rewrite_replaces_a_range,
    a_closed_store_refuses,
    wakers_are_called_when_watermarks_move,
    threads_commit_on_their_own,
);

#[test]
fn a_directory_has_one_user() {
    for harness in [&mut Simulated::new(1) as &mut dyn Harness, &mut Directory::new()] {
        let opened = harness.open();
        assert!(harness.try_open().err().is_some_and(|e| e.to_string().contains("in use")));
        drop(opened);
        harness.open();
    }
}
