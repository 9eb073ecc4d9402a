use bytes::Bytes;

use super::*;
use crate::wire::{
    Text, TopicKey,
    fetch::{FetchPartition, FetchTopic, PartitionFetched},
};

struct Counter(AtomicUsize);

impl Rng for Counter {
    fn fill(&self, buf: &mut [u8]) {
        buf.fill(self.0.fetch_add(1, Ordering::Relaxed) as u8);
    }
}

fn table(max: usize) -> FetchSessions {
    FetchSessions::new(max, Arc::new(Counter(AtomicUsize::new(0))))
}

fn name(topic: &str) -> TopicKey {
    TopicKey::Name(Text::from(topic))
}

fn request(session: (i32, i32), topics: &[(&str, &[i32])]) -> FetchRequest {
    let partition = |index: &i32| FetchPartition {
        index: *index,
        current_leader_epoch: -1,
        fetch_offset: 0,
        last_fetched_epoch: -1,
        max_bytes: 1,
    };
    FetchRequest {
        max_wait_ms: 0,
        min_bytes: 0,
        max_bytes: 0,
        isolation_level: 0,
        session_id: session.0,
        session_epoch: session.1,
        topics: topics
            .iter()
            .map(|(topic, indexes)| FetchTopic {
                topic: name(topic),
                partitions: indexes.iter().map(partition).collect(),
            })
            .collect(),
        forgotten: Vec::new(),
    }
}

fn new_session(table: &FetchSessions, now: u64, topics: &[(&str, &[i32])]) -> Option<i32> {
    match table.begin(Duration::from_secs(now), &request((0, 0), topics), false).ok()? {
        Begun::New(session) => Some(session.lock().id()),
        _ => None,
    }
}

fn answer(index: i32, high_watermark: i64, records: &'static [u8]) -> PartitionFetched {
    let records = if records.is_empty() { Vec::new() } else { vec![Bytes::from_static(records)] };
    PartitionFetched {
        index,
        error: 0,
        high_watermark,
        last_stable: high_watermark,
        log_start: 0,
        diverging: None,
        records,
    }
}

fn incremental(table: &FetchSessions, request: &FetchRequest) -> Arc<Mutex<Session>> {
    match table.begin(Duration::ZERO, request, false) {
        Ok(Begun::Incremental(session)) => session,
        _ => panic!("not incremental"),
    }
}

#[test]
fn epochs_follow_each_other() {
    let table = table(10);
    let id = new_session(&table, 0, &[("t", &[0])]).unwrap();
    assert_ne!(id, 0);
    incremental(&table, &request((id, 1), &[]));
    incremental(&table, &request((id, 2), &[]));
    for wrong in [1, 2, 4, i32::MAX] {
        let refused = table.begin(Duration::ZERO, &request((id, wrong), &[]), false);
        assert_eq!(refused.err(), Some(ErrorCode::InvalidFetchSessionEpoch), "epoch {wrong}");
    }
    incremental(&table, &request((id, 3), &[]));
    let refused = table.begin(Duration::ZERO, &request((id, 4), &[]), true);
    assert_eq!(refused.err(), Some(ErrorCode::FetchSessionTopicIdError));
    let refused = table.begin(Duration::ZERO, &request((id.wrapping_add(1), 1), &[]), false);
    assert_eq!(refused.err(), Some(ErrorCode::FetchSessionIdNotFound));
}

#[test]
fn requests_can_end_a_session() {
    let table = table(10);
    let id = new_session(&table, 0, &[("t", &[0])]).unwrap();
    assert!(matches!(table.begin(Duration::ZERO, &request((id, -1), &[("t", &[0])]), false), Ok(Begun::Alone)));
    assert_eq!(table.len(), 0);
    let refused = table.begin(Duration::ZERO, &request((id, 1), &[]), false);
    assert_eq!(refused.err(), Some(ErrorCode::FetchSessionIdNotFound));
    let id = new_session(&table, 0, &[("t", &[0])]).unwrap();
    assert!(matches!(table.begin(Duration::ZERO, &request((id, 0), &[("t", &[0])]), false), Ok(Begun::New(_))));
    assert_eq!(table.len(), 1, "a new one instead of the old");
}

#[test]
fn only_news_is_told() {
    let table = table(10);
    let id = new_session(&table, 0, &[("t", &[0, 1])]).unwrap();
    let session = incremental(&table, &request((id, 1), &[]));
    let mut session = session.lock();
    let topic = name("t");
    assert!(session.tell(&topic, &answer(0, 5, b"")), "the first time everything is news");
    assert!(!session.tell(&topic, &answer(0, 5, b"")));
    assert!(session.tell(&topic, &answer(0, 5, b"records")));
    assert!(session.tell(&topic, &answer(0, 6, b"")), "the high watermark moved");
    assert!(session.tell(&topic, &PartitionFetched { log_start: 1, ..answer(0, 6, b"") }));
    assert!(session.tell(&topic, &PartitionFetched::refused(0, 6)));
    assert!(session.tell(&topic, &PartitionFetched::refused(0, 6)), "errors are told every time");
    assert!(session.tell(&topic, &PartitionFetched { log_start: 1, ..answer(0, 6, b"") }), "it healed");
}

#[test]
fn what_returned_records_goes_to_the_end() {
    let table = table(10);
    let id = new_session(&table, 0, &[("t", &[0, 1]), ("u", &[7])]).unwrap();
    let session = incremental(&table, &request((id, 1), &[]));
    let mut session = session.lock();
    let order = |session: &Session| session.wanted().iter().map(|w| w.request.index).collect::<Vec<_>>();
    assert_eq!(order(&session), [0, 1, 7]);
    session.tell(&name("t"), &answer(0, 5, b"records"));
    assert_eq!(order(&session), [1, 7, 0]);
    session.tell(&name("t"), &answer(1, 5, b""));
    assert_eq!(order(&session), [1, 7, 0]);
}

#[test]
fn partitions_are_added_changed_and_forgotten() {
    let table = table(10);
    let id = new_session(&table, 0, &[("t", &[0, 1])]).unwrap();
    let mut change = request((id, 1), &[("t", &[1, 2])]);
    change.topics[0].partitions[0].fetch_offset = 99;
    change.forgotten = vec![(name("t"), vec![0, 5])];
    let session = incremental(&table, &change);
    let wanted: Vec<_> = session.lock().wanted().iter().map(|w| (w.request.index, w.request.fetch_offset)).collect();
    assert_eq!(wanted, [(1, 99), (2, 0)]);
    assert_eq!(table.partitions.load(Ordering::Relaxed), 2);
    drop(session);
    table.begin(Duration::ZERO, &request((id, -1), &[]), false).ok().unwrap();
    assert_eq!(table.partitions.load(Ordering::Relaxed), 0);
}

#[test]
fn the_table_is_bounded_and_idle_sessions_make_room() {
    let table = table(2);
    let first = new_session(&table, 0, &[("t", &[0])]).unwrap();
    new_session(&table, 10, &[("t", &[0])]).unwrap();
    assert_eq!(new_session(&table, 119, &[("t", &[0])]), None, "nobody was idle for long enough");
    new_session(&table, 120, &[("t", &[0])]).unwrap();
    assert_eq!(table.len(), 2);
    let refused = table.begin(Duration::from_secs(120), &request((first, 1), &[]), false);
    assert_eq!(refused.err(), Some(ErrorCode::FetchSessionIdNotFound));
    assert_eq!(new_session(&self::table(0), 0, &[("t", &[0])]), None, "sessions are off");
    assert_eq!(new_session(&self::table(5), 0, &[]), None, "nothing to remember");
}

#[test]
fn epochs_wrap() {
    let table = table(10);
    let id = new_session(&table, 0, &[("t", &[0])]).unwrap();
    let session = Arc::clone(&table.table.lock().get(&id).unwrap().session);
    session.lock().epoch_for_test(i32::MAX);
    incremental(&table, &request((id, i32::MAX), &[]));
    incremental(&table, &request((id, 1), &[]));
}
