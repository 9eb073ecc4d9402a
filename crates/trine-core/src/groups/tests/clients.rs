//! Clients that do what stock clients do, against a server that crashes: answers are held until their records are durable, a crash loses the rest. At no
//! time do two members own the same partition in one generation, no generation a client has seen is ever formed again, and once the crashes end everybody
//! is served.

use proptest::{collection::vec, prelude::*};

use super::*;

const PARTITIONS: u8 = 7;

#[derive(Clone, Debug, Default)]
struct Client {
    alive: bool,
    instance: Option<InstanceId>,
    member: Option<MemberId>,
    generation: i32,
    /// Its open request.
    waiter: Option<Waiter>,
    /// What it has been assigned in `generation`.
    owned: Option<Vec<u8>>,
}

struct World {
    group: Group,
    settings: GroupSettings,
    mono: Duration,
    now: Timestamp,
    log: Vec<GroupRecord>,
    durable: usize,
    /// Answers, with the length the durable log must have.
    held: Vec<(usize, Effect)>,
    clients: Vec<Client>,
    counter: u64,
    /// Leader and members of every generation somebody has seen.
    seen: BTreeMap<i32, (MemberId, BTreeSet<MemberId>)>,
}

impl World {
    fn settle<R>(&mut self, outcome: Outcome<R>) -> R {
        for record in outcome.records {
            self.group.apply(&record, self.now);
            self.log.push(record);
        }
        let need = self.log.len();
        self.held.extend(outcome.effects.into_iter().map(|effect| (need, effect)));
        outcome.reply
    }

    /// The log is durable up to `len`; answers go out.
    fn release(&mut self, len: usize) {
        self.durable = self.durable.max(len);
        let held = std::mem::take(&mut self.held);
        let (out, held) = held.into_iter().partition(|(need, _)| *need <= self.durable);
        self.held = held;
        for (_, effect) in out {
            self.deliver(effect);
        }
    }

    fn deliver(&mut self, effect: Effect) {
        let (Effect::Join { waiter, .. } | Effect::Sync { waiter, .. }) = &effect;
        let Some(index) = self.clients.iter().position(|c| c.waiter == Some(*waiter)) else { return };
        self.clients[index].waiter = None;
        match effect {
            Effect::Join { result: Ok(reply), .. } => self.joined(index, &reply),
            Effect::Sync { result: Ok(reply), .. } => self.clients[index].owned = Some(reply.assignment.to_vec()),
            Effect::Join { result: Err(error), .. } | Effect::Sync { result: Err(error), .. } => {
                self.failed(index, error);
            }
        }
    }

    fn joined(&mut self, index: usize, reply: &JoinReply) {
        let client = &mut self.clients[index];
        client.member = Some(reply.member_id.clone());
        client.generation = reply.generation;
        client.owned = None;
        if reply.leader == reply.member_id && !reply.skip_assignment {
            let members: BTreeSet<_> = reply.members.iter().map(|m| m.member_id.clone()).collect();
            let now = (reply.leader.clone(), members);
            let before = self.seen.entry(reply.generation).or_insert_with(|| now.clone());
            assert_eq!(*before, now, "a generation that was seen is not formed again");
        }
        let assignments = if reply.skip_assignment { Vec::new() } else { assign(&reply.members) };
        self.sync(index, assignments);
    }

    fn failed(&mut self, index: usize, error: GroupError) {
        let client = &mut self.clients[index];
        client.owned = None;
        match error {
            GroupError::MemberIdRequired { member_id } => client.member = Some(member_id),
            GroupError::UnknownMember | GroupError::WrongGeneration { .. } => client.member = None,
            // Two clients with one instance id do not exist here, but its old self may be answered late.
            GroupError::FencedInstance => client.member = None,
            GroupError::RebalanceInProgress | GroupError::Unavailable => {}
            other => panic!("a good client got {other:?}"),
        }
    }

    fn waiter(&mut self, index: usize) -> Waiter {
        self.counter += 1;
        self.clients[index].waiter = Some(Waiter(self.counter));
        Waiter(self.counter)
    }

    fn join(&mut self, index: usize) {
        let waiter = self.waiter(index);
        let client = self.clients[index].clone();
        self.clients[index].owned = None;
        let command = Join {
            waiter,
            member_id: client.member.unwrap_or_else(|| id("")),
            new_member_id: id(&format!("c{index}-{}", waiter.0)),
            require_member_id: true,
            knows_skip_assignment: index.is_multiple_of(2),
            instance_id: client.instance,
            client_id: text("c"),
            client_host: text("/h"),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 20_000,
            protocol_type: text(CONSUMER_PROTOCOL_TYPE),
            protocols: vec![Protocol { name: text(RANGE), metadata: subscription(&["t"]) }],
        };
        let outcome = self.group.join(&self.settings, command, self.mono);
        self.settle(outcome);
    }

    fn sync(&mut self, index: usize, assignments: Vec<(MemberId, Bytes)>) {
        let waiter = self.waiter(index);
        let client = &self.clients[index];
        let command = Sync {
            waiter,
            member_id: client.member.clone().unwrap(),
            instance_id: client.instance.clone(),
            generation: client.generation,
            protocol_type: Some(text(CONSUMER_PROTOCOL_TYPE)),
            protocol: Some(text(RANGE)),
            assignments,
        };
        let outcome = self.group.sync(&self.settings, command, self.mono);
        self.settle(outcome);
    }

    /// What a client does next on its own: join, or heartbeat and commit.
    fn act(&mut self, index: usize) {
        let client = self.clients[index].clone();
        if !client.alive || client.waiter.is_some() {
            return;
        }
        let (Some(owned), Some(member_id)) = (client.owned, client.member) else { return self.join(index) };
        let generation = client.generation;
        let commit = Commit {
            member_id: member_id.clone(),
            instance_id: client.instance.clone(),
            generation,
            offsets: owned.iter().map(|p| position(1, u32::from(*p), self.counter)).collect(),
            retention_ms: None,
        };
        let outcome = self.group.commit(&self.settings, commit, self.mono);
        let committed = self.settle(outcome).is_ok();
        let heartbeat = Heartbeat { member_id, instance_id: client.instance, generation };
        match self.group.heartbeat(&self.settings, &heartbeat, self.mono) {
            Ok(()) => assert!(committed || owned.is_empty() || self.group.state() != GroupState::Stable),
            Err(error) => {
                self.failed(index, error);
                self.join(index);
            }
        }
    }

    fn pass(&mut self, ms: u64) {
        self.mono += Duration::from_millis(ms);
        let outcome = self.group.on_time(&self.settings, self.mono);
        self.settle(outcome);
    }

    /// The server dies: what is not durable may be lost, and every connection is.
    fn crash(&mut self, lost: usize) {
        self.log.truncate(self.log.len().saturating_sub(lost).max(self.durable));
        self.durable = self.log.len();
        self.held.clear();
        self.group = Group::new();
        for record in &self.log {
            self.group.apply(record, self.now);
        }
        self.group.recover(self.mono);
        for client in &mut self.clients {
            client.waiter = None;
        }
    }

    /// No two members of one generation own one partition, as far as they know.
    fn check(&self) {
        let mut owners = BTreeMap::new();
        for client in self.clients.iter().filter(|c| c.alive) {
            for partition in client.owned.iter().flatten() {
                let other = owners.insert((client.generation, *partition), &client.member);
                assert_eq!(other, None, "partition {partition} has two owners");
            }
        }
    }
}

fn assign(members: &[JoinedMember]) -> Vec<(MemberId, Bytes)> {
    let mut shares: Vec<Vec<u8>> = vec![Vec::new(); members.len()];
    for partition in 0..PARTITIONS {
        if let Some(count) = usize::from(partition).checked_rem(members.len()) {
            shares[count].push(partition);
        }
    }
    members.iter().map(|m| m.member_id.clone()).zip(shares.into_iter().map(Bytes::from)).collect()
}

#[derive(Clone, Debug)]
enum Event {
    Start(usize),
    Kill(usize),
    Act(usize),
    Pass(u64),
    Durable(usize),
    Crash(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0_usize..5).prop_map(Event::Start),
        1 => (0_usize..5).prop_map(Event::Kill),
        10 => (0_usize..5).prop_map(Event::Act),
        6 => (1_u64..4_000).prop_map(Event::Pass),
        10 => (0_usize..4).prop_map(Event::Durable),
        1 => (0_usize..4).prop_map(Event::Crash),
    ]
}

proptest! {
    #[test]
    fn good_clients_are_served(events in vec(event(), 1..150), delay_ms in prop_oneof![Just(0_u64), Just(3_000)]) {
        // Clients 3 and 4 are static.
        let instance = |i: usize| (i >= 3).then(|| InstanceId::new(&format!("i{i}")));
        let mut world = World {
            group: Group::new(),
            settings: GroupSettings {
                initial_rebalance_delay: Duration::from_millis(delay_ms),
                ..GroupSettings::default()
            },
            mono: Duration::from_secs(1),
            now: Timestamp(1),
            log: Vec::new(),
            durable: 0,
            held: Vec::new(),
            clients: (0..5).map(|i| Client { instance: instance(i), ..Client::default() }).collect(),
            counter: 0,
            seen: BTreeMap::new(),
        };
        for event in events {
            match event {
                Event::Start(i) => world.clients[i].alive = true,
                Event::Kill(i) => world.clients[i] = Client { instance: instance(i), ..Client::default() },
                Event::Act(i) => world.act(i),
                Event::Pass(ms) => world.pass(ms),
                Event::Durable(behind) => world.release(world.log.len().saturating_sub(behind)),
                Event::Crash(lost) => world.crash(lost),
            }
            world.check();
        }
        // Peace: whoever lives goes on, the disk keeps up.
        world.clients[0].alive = true;
        for _ in 0..120 {
            for i in 0..world.clients.len() {
                world.act(i);
                world.release(world.log.len());
                world.check();
            }
            world.pass(1_000);
            world.release(world.log.len());
        }
        prop_assert_eq!(world.group.state(), GroupState::Stable);
        let living: Vec<_> = world.clients.iter().filter(|c| c.alive).collect();
        prop_assert_eq!(world.group.member_count(), living.len());
        let mut served: Vec<u8> = living.iter().flat_map(|c| c.owned.clone().unwrap()).collect();
        served.sort_unstable();
        prop_assert_eq!(served, (0..PARTITIONS).collect::<Vec<_>>());
        prop_assert!(living.iter().all(|c| c.generation == world.group.generation()));
    }
}
