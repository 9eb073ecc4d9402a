use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Message, Offset, TopicPartitionList};
use trine_compat_rdkafka::{
    Inbox, Member, PATIENCE, admin, assert_complete, config, eventually, fill, fill_all, options, received, take, topic, unique,
};

fn group_consumer(group: &str, settings: &[(&str, &str)]) -> BaseConsumer {
    let mut all = vec![
        ("group.id", group),
        ("enable.auto.commit", "false"),
        ("auto.offset.reset", "earliest"),
    ];
    all.extend_from_slice(settings);
    config(&all).create().expect("a consumer")
}

fn list(topic: &str, offsets: &[(i32, Offset)]) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in offsets {
        list.add_partition_offset(topic, *partition, *offset).expect("a valid offset");
    }
    list
}

/// The group's commits, without the partitions that have none.
fn committed(group: &str, topic: &str, partitions: i32) -> Vec<(i32, i64)> {
    let asked: Vec<_> = (0..partitions).map(|p| (p, Offset::Invalid)).collect();
    let answer = group_consumer(group, &[])
        .committed_offsets(list(topic, &asked), PATIENCE)
        .expect("committed");
    answer
        .elements()
        .iter()
        .filter_map(|e| Some((e.partition(), e.offset().to_raw().filter(|o| *o >= 0)?)))
        .collect()
}

async fn members_join_and_leave(assignor: &str) {
    let topic = topic("members", 6, &[]).await;
    let group = unique("members");
    let inbox = Inbox::default();
    let settings = [("partition.assignment.strategy", assignor)];
    fill_all(&topic, 6, 50).await;
    let mut a = Member::join(&group, &topic, &inbox, &settings);
    eventually("one member owns all", || a.owns(6) && received(&inbox) == 300);
    let mut b = Member::join(&group, &topic, &inbox, &settings);
    eventually("two share", || a.owns(3) && b.owns(3));
    let mut union = [a.owned(), b.owned()].concat();
    union.sort_unstable();
    assert_eq!(union, [0, 1, 2, 3, 4, 5]);
    fill_all(&topic, 6, 50).await;
    eventually("second records", || received(&inbox) == 600);
    let mut c = Member::join(&group, &topic, &inbox, &settings);
    eventually("three share", || a.owns(2) && b.owns(2) && c.owns(2));
    b.leave();
    eventually("two share again", || a.owns(3) && c.owns(3));
    fill_all(&topic, 6, 50).await;
    eventually("third records", || received(&inbox) == 900);
    c.leave();
    eventually("one owns all again", || a.owns(6));
    fill_all(&topic, 6, 50).await;
    eventually("last records", || received(&inbox) == 1200);
    eventually("all is committed", || {
        committed(&group, &topic, 6).iter().map(|(_, o)| o).sum::<i64>() == 1200
    });
    assert_eq!(a.error(), None);
    a.leave();
    assert_complete(&inbox, 6, 200);
}

#[tokio::test]
async fn members_join_and_leave_range() {
    members_join_and_leave("range").await;
}

#[tokio::test]
async fn members_join_and_leave_roundrobin() {
    members_join_and_leave("roundrobin").await;
}

#[tokio::test]
async fn members_join_and_leave_cooperative() {
    members_join_and_leave("cooperative-sticky").await;
}

#[tokio::test]
async fn a_restarted_group_goes_on_from_its_commit() {
    let topic = topic("restart", 3, &[]).await;
    let group = unique("restart");
    let inbox = Inbox::default();
    for run in 1..=2 {
        fill_all(&topic, 3, 100).await;
        let mut member = Member::join(&group, &topic, &inbox, &[]);
        eventually("its records", || received(&inbox) == run * 300);
        member.leave();
        assert_eq!(committed(&group, &topic, 3), [0, 1, 2].map(|p| (p, run as i64 * 100)));
    }
    assert_complete(&inbox, 3, 200);
}

#[tokio::test]
async fn static_members_keep_their_partitions() {
    let topic = topic("static", 4, &[]).await;
    let group = unique("static");
    let (inbox, other_inbox) = (Inbox::default(), Inbox::default());
    let one = [("group.instance.id", "one"), ("session.timeout.ms", "30000")];
    let two = [("group.instance.id", "two"), ("session.timeout.ms", "30000")];
    let mut stays = Member::join(&group, &topic, &inbox, &one);
    let mut before = Member::join(&group, &topic, &other_inbox, &two);
    eventually("two share", || stays.owns(2) && before.owns(2));
    let (kept, owned) = (stays.owned(), before.owned());
    before.leave();
    let mut after = Member::join(&group, &topic, &other_inbox, &two);
    eventually("the same partitions again", || {
        after.owned() == owned && stays.owned() == kept
    });
    fill_all(&topic, 4, 50).await;
    eventually("both get records", || {
        received(&inbox) == 100 && received(&other_inbox) == 100
    });

    // A second consumer with the same instance id fences the first.
    let mut thief = Member::join(&group, &topic, &other_inbox, &two);
    eventually("the older is told", || after.error().is_some());
    let fenced = after.error().and_then(|error| error.rdkafka_error_code());
    assert_eq!(fenced, Some(RDKafkaErrorCode::FencedInstanceId));
    for member in [&mut stays, &mut after, &mut thief] {
        member.leave();
    }
}

#[tokio::test]
async fn commits_carry_metadata() {
    let topic = topic("metadata", 2, &[]).await;
    let group = unique("metadata");
    fill(&topic, 0, 50).await;
    let consumer = group_consumer(&group, &[]);
    let offsets = list(&topic, &[(0, Offset::Offset(42)), (1, Offset::Offset(0))]);
    offsets.find_partition(&topic, 0).expect("there").set_metadata("naïve 元");
    consumer.commit(&offsets, CommitMode::Sync).expect("commit");
    let back = consumer
        .committed_offsets(list(&topic, &[(0, Offset::Invalid), (1, Offset::Invalid)]), PATIENCE)
        .expect("committed");
    let first = back.find_partition(&topic, 0).expect("there");
    assert_eq!((first.offset(), first.metadata()), (Offset::Offset(42), "naïve 元"));

    // A consumer that joins starts there.
    let joined = group_consumer(&group, &[]);
    joined.subscribe(&[&topic]).expect("subscribe");
    let messages = take(&joined, 8);
    assert_eq!(messages[0].offset(), 42);
    joined.commit_consumer_state(CommitMode::Sync).expect("commit");
    assert_eq!(committed(&group, &topic, 2), [(0, 50), (1, 0)]);
}

#[tokio::test]
async fn an_outsider_cannot_commit_into_an_active_group() {
    let topic = topic("outsider", 1, &[]).await;
    let group = unique("outsider");
    let mut member = Member::join(&group, &topic, &Inbox::default(), &[]);
    eventually("active", || member.owns(1));
    let refused = group_consumer(&group, &[]).commit(&list(&topic, &[(0, Offset::Offset(1))]), CommitMode::Sync);
    assert_eq!(refused, Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::UnknownMemberId)));
    member.leave();
}

#[tokio::test]
async fn groups_are_listed_described_and_deleted() {
    let topic = topic("described", 4, &[]).await;
    let group = unique("described");
    let inbox = Inbox::default();
    let mut a = Member::join(&group, &topic, &inbox, &[("client.id", "first")]);
    let mut b = Member::join(&group, &topic, &inbox, &[("client.id", "second")]);
    eventually("two share", || a.owns(2) && b.owns(2));
    let admin = admin();
    let state = |wanted: &str| {
        let listed = admin.inner().fetch_group_list(Some(&group), PATIENCE).expect("groups");
        listed.groups().iter().any(|g| g.name() == group && g.state() == wanted)
    };
    eventually("stable", || state("Stable"));
    let listed = admin.inner().fetch_group_list(Some(&group), PATIENCE).expect("groups");
    let info = &listed.groups()[0];
    assert_eq!((info.protocol_type(), info.protocol()), ("consumer", "range"));
    let mut clients: Vec<_> = info.members().iter().map(|m| m.client_id()).collect();
    clients.sort_unstable();
    assert_eq!(clients, ["first", "second"]);
    assert!(
        info.members()
            .iter()
            .all(|m| m.assignment().is_some_and(|a| !a.is_empty()) && !m.client_host().is_empty())
    );
    let all = admin.inner().fetch_group_list(None, PATIENCE).expect("groups");
    assert!(all.groups().iter().any(|g| g.name() == group));

    let delete = |name: String| {
        let admin = &admin;
        async move {
            admin
                .delete_groups(&[&name], &options())
                .await
                .expect("delete groups")
                .remove(0)
                .map_err(|(_, code)| code)
        }
    };
    assert_eq!(delete(group.clone()).await, Err(RDKafkaErrorCode::NonEmptyGroup));
    a.leave();
    b.leave();
    eventually("empty", || state("Empty"));
    assert_eq!(delete(group.clone()).await, Ok(group.clone()));
    assert_eq!(delete(group).await, Err(RDKafkaErrorCode::GroupIdNotFound));
}

#[tokio::test]
async fn lag_is_end_minus_commit() {
    let topic = topic("lag", 1, &[]).await;
    let group = unique("lag");
    fill(&topic, 0, 30).await;
    let consumer = group_consumer(&group, &[]);
    assert_eq!(committed(&group, &topic, 1), []);
    consumer
        .commit(&list(&topic, &[(0, Offset::Offset(12))]), CommitMode::Sync)
        .expect("commit");
    let (_, end) = consumer.fetch_watermarks(&topic, 0, PATIENCE).expect("watermarks");
    assert_eq!(end - committed(&group, &topic, 1)[0].1, 18);
}
