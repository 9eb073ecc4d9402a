//! Random commands, sensible or not. `Desk` watches the invariants after each of them.

use proptest::{collection::vec, prelude::*};

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Join { who: u8, instance: Option<u8>, protocols: u8, flags: u8, kind: bool },
    Sync { who: u8, back: i32 },
    Heartbeat { who: u8, back: i32 },
    Leave { who: Vec<(u8, Option<u8>)> },
    Commit { who: u8, back: i32, topic: u8, retention: Option<u64> },
    Pass { ms: u64 },
    PassMessages { ms: i64 },
    DropTopic { topic: u8 },
    DeleteOffsets { topic: u8 },
    Delete,
    Restart,
    Checkpoint,
    Abandon,
    JoinNotStored { who: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let instance = || prop::option::weighted(0.4, 0_u8..3);
    // Mostly the current generation.
    let back = || prop_oneof![8 => Just(0), 1 => Just(1), 1 => Just(-1)];
    prop_oneof![
        12 => (0_u8..8, instance(), 1_u8..4, any::<u8>(), prop::bool::weighted(0.95))
            .prop_map(|(who, instance, protocols, flags, kind)| Step::Join { who, instance, protocols, flags, kind }),
        8 => (0_u8..8, back()).prop_map(|(who, back)| Step::Sync { who, back }),
        4 => (0_u8..8, back()).prop_map(|(who, back)| Step::Heartbeat { who, back }),
        3 => vec((0_u8..8, instance()), 1..3).prop_map(|who| Step::Leave { who }),
        3 => (0_u8..8, back(), 0_u8..4, prop::option::weighted(0.2, 0_u64..10_000_000))
            .prop_map(|(who, back, topic, retention)| Step::Commit { who, back, topic, retention }),
        6 => prop_oneof![0_u64..3_000, 3_000_u64..70_000].prop_map(|ms| Step::Pass { ms }),
        2 => (0_i64..700_000_000).prop_map(|ms| Step::PassMessages { ms }),
        1 => (0_u8..4).prop_map(|topic| Step::DropTopic { topic }),
        1 => (0_u8..4).prop_map(|topic| Step::DeleteOffsets { topic }),
        1 => Just(Step::Delete),
        1 => Just(Step::Restart),
        1 => Just(Step::Checkpoint),
        1 => Just(Step::Abandon),
        1 => (0_u8..8).prop_map(|who| Step::JoinNotStored { who }),
    ]
}

/// Members known to the group, those who are joining, and promised ids; one of them, or the empty id, or nobody's.
fn pick(desk: &Desk, who: u8) -> String {
    let session = &desk.group.session;
    let joining = session.rebalance.iter().flat_map(|r| r.joined.keys());
    let known: BTreeSet<_> = desk.group.logged.members.keys().chain(joining).chain(session.pending.keys()).collect();
    match who {
        0 => String::new(),
        1 => "nobody".to_owned(),
        _ if known.is_empty() => String::new(),
        _ => known.iter().cycle().nth(usize::from(who)).map(|id| id.as_str().to_owned()).unwrap_or_default(),
    }
}

fn run(desk: &mut Desk, step: Step) {
    let records = desk.log.len();
    match step {
        Step::Join { who: n, instance, protocols, flags, kind } => {
            let member = pick(desk, n);
            let protocols: &[&'static str] = match protocols {
                1 => &[RANGE, STICKY],
                2 => &[STICKY, RANGE],
                _ => &[RANGE],
            };
            desk.join(
                Who {
                    instance: instance.map(|i| format!("i{i}")),
                    kind: if kind { CONSUMER_PROTOCOL_TYPE } else { "connect" },
                    require_id: flags & 1 != 0,
                    knows_skip: flags & 2 != 0,
                    session_ms: if flags & 4 != 0 { 6_000 } else { 30_000 },
                    rebalance_ms: if flags & 8 != 0 { 10_000 } else { 60_000 },
                    ..who(&member)
                }
                .protocols(protocols),
            );
            assert!(desk.log.len() <= records + 2, "at most a replaced and a lost member");
        }
        Step::Sync { who, back } => {
            let member = pick(desk, who);
            desk.sync_with(&member, desk.group.generation() - back, &[("m1", "x"), ("m2", "y"), ("nobody", "z")]);
            assert!(desk.log.len() <= records + 1);
        }
        Step::Heartbeat { who, back } => {
            let member = pick(desk, who);
            let _ = desk.heartbeat(&member, desk.group.generation() - back);
            assert_eq!(desk.log.len(), records);
        }
        Step::Leave { who } => {
            let leavers: Vec<_> = who
                .into_iter()
                .map(|(who, instance)| Leaver {
                    member_id: id(&pick(desk, who)),
                    instance_id: instance.map(|i| InstanceId::new(&format!("i{i}"))),
                })
                .collect();
            let outcome = desk.group.leave(&desk.settings, &leavers, desk.mono);
            let _ = desk.settle(outcome);
            assert!(desk.log.len() <= records + 1, "one record, however many leave");
        }
        Step::Commit { who, back, topic, retention } => {
            let member_id = id(&pick(desk, who));
            let generation = if who == 0 { -1 } else { desk.group.generation() - back };
            let offsets = vec![position(topic, 0, 1), position(topic, 1, 2)];
            let _ = desk.commit_command(Commit {
                member_id,
                instance_id: None,
                generation,
                offsets,
                retention_ms: retention,
            });
            assert!(desk.log.len() <= records + 1);
        }
        Step::Pass { ms } => desk.pass(ms),
        Step::PassMessages { ms } => {
            desk.pass_messages(ms);
            assert!(desk.log.len() <= records + 1);
        }
        Step::DropTopic { topic: dead } => {
            let outcome = desk.group.drop_topics(|id| id != topic(dead));
            desk.settle(outcome);
        }
        Step::DeleteOffsets { topic: n } => {
            let name = TopicName::parse("t").unwrap();
            let outcome = desk.group.delete_offsets(&[(topic(n), name, 0)]);
            let _ = desk.settle(outcome);
        }
        Step::Delete => {
            let outcome = desk.group.delete();
            let _ = desk.settle(outcome);
        }
        Step::Restart => desk.restart(),
        Step::Checkpoint => {
            let mut group = Group::decode_section(&desk.group.encode_section()).unwrap();
            assert_eq!(group.logged, desk.group.logged);
            group.session = desk.group.session.clone();
            desk.group = group;
        }
        Step::Abandon => {
            let outcome = desk.group.abandon(desk.mono);
            desk.settle(outcome);
            assert!(desk.open.is_empty());
        }
        Step::JoinNotStored { who } => {
            let member_id = id(&pick(desk, who));
            let command = Join {
                waiter: desk.waiter("join"),
                member_id,
                new_member_id: id("lost"),
                require_member_id: false,
                knows_skip_assignment: false,
                instance_id: None,
                client_id: text("c"),
                client_host: text("/h"),
                session_timeout_ms: 10_000,
                rebalance_timeout_ms: 10_000,
                protocol_type: text(CONSUMER_PROTOCOL_TYPE),
                protocols: vec![Protocol { name: text(RANGE), metadata: subscription(&["t"]) }],
            };
            let before = desk.group.logged.clone();
            let outcome = desk.group.join(&desk.settings, command, desk.mono);
            let outcome = if outcome.records.is_empty() { outcome } else { desk.group.take_back(outcome, desk.mono) };
            assert_eq!(desk.group.logged, before);
            desk.settle(outcome);
        }
    }
}

proptest! {
    #[test]
    fn any_commands_keep_the_invariants(
        steps in vec(step(), 1..80),
        delay_ms in prop_oneof![Just(0_u64), Just(3_000)],
        members_max in 1_usize..5,
    ) {
        let settings = GroupSettings {
            initial_rebalance_delay: Duration::from_millis(delay_ms),
            members_max,
            ..GroupSettings::default()
        };
        let mut desk = Desk::with(settings);
        for step in steps {
            run(&mut desk, step);
        }
        prop_assert_eq!(&desk.replayed().logged, &desk.group.logged, "state is a fold over the log");
        // Once everybody is silent for long enough, nobody is left waiting and nobody is left.
        desk.pass(600_000);
        prop_assert!(desk.open.is_empty());
        prop_assert!(matches!(desk.state(), GroupState::Empty | GroupState::Dead));
        desk.pass_messages(8 * 24 * 3_600_000);
        desk.pass_messages(8 * 24 * 3_600_000);
        prop_assert!(desk.group.is_vacant());
    }
}
