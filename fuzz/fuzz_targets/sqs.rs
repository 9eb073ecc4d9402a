//! SQS calls: the first byte chooses protocol and action, the rest is the body. Everything runs, down to a broker in memory. Receipt handles are read
//! from the same bytes.
#![no_main]

use std::{cell::RefCell, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use trine_aws::{Accounts, Call, Caller, Form, Params, Protocol, RequestId, Service};
use trine_broker::{Access, Broker, BrokerConfig, BrokerParts, Principal, Receipt, TokioHost};
use trine_env::{SimRng, TestClock};
use trine_net::Drain;
use trine_sqs::{ACTIONS, Sqs, SqsConfig};
use trine_storage::{MemoryDisk, MemoryOptions, MemoryStore};
use trine_types::{Namespace, Timestamp};

/// Calls after which the server is made anew, so that memory does not grow with the run.
const CALLS_MAX: u32 = 10_000;
/// Long enough for whatever does not wait; a long poll is dropped.
const PATIENCE: Duration = Duration::from_millis(5);

struct Server {
    runtime: Runtime,
    sqs: Sqs,
    drain: Drain,
    calls: u32,
}

impl Server {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let sqs = runtime.block_on(async {
            let clock = Arc::new(TestClock::frozen(Timestamp(1_793_534_400_000)));
            let parts = BrokerParts {
                config: BrokerConfig::default(),
                access: Access::allow_all(),
                clock: clock.clone(),
                rng: Arc::new(SimRng::new(1)),
                host: Arc::new(TokioHost::current()),
            };
            let disk = MemoryDisk::new();
            let broker = Broker::open(parts, |waker, replay| {
                MemoryStore::open_on(MemoryOptions { shards: 2, ..MemoryOptions::default() }, &disk, waker, replay)
            })
            .await
            .expect("a broker");
            Sqs::new(broker, SqsConfig { purge_interval: Duration::ZERO, ..SqsConfig::default() }, clock)
        });
        let mut server = Self { runtime, sqs, drain: Drain::default(), calls: 0 };
        for body in [&b"{\"QueueName\":\"q\"}"[..], b"{\"QueueName\":\"q.fifo\",\"Attributes\":{\"FifoQueue\":\"true\"}}"] {
            server.call("CreateQueue", Protocol::Json, Params::Json(Bytes::from_static(body)), "/");
        }
        server
    }

    fn call(&mut self, action: &'static str, protocol: Protocol, params: Params, path: &str) {
        self.calls += 1;
        let call = Call {
            protocol,
            action,
            params,
            path: path.to_owned(),
            base_url: "http://localhost:9324".to_owned(),
            region: "us-east-1".to_owned(),
            caller: Caller {
                principal: Principal::ANONYMOUS,
                access_key_id: None,
                namespace: Namespace::default(),
                confined: false,
            },
            accounts: Arc::new(Accounts::default()),
            access: Arc::new(Access::allow_all()),
            peer: SocketAddr::from(([127, 0, 0, 1], 1)),
            trace: None,
            request_id: RequestId::random(&SimRng::new(1)),
            drain: self.drain.signal(),
        };
        let answer = self.sqs.call(call);
        let answer = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, answer).await });
        if let (Ok(Ok(output)), Protocol::Json) = (answer, protocol) {
            let body = output.body();
            assert!(body.is_empty() || body.starts_with(b"{"));
        }
    }
}

thread_local! {
    static SERVER: RefCell<Option<Server>> = const { RefCell::new(None) };
}

fuzz_target!(|data: &[u8]| {
    let [choice, body @ ..] = data else { return };
    if let Some(receipt) = std::str::from_utf8(body).ok().and_then(Receipt::parse) {
        assert_eq!(Receipt::parse(&receipt.to_text()), Some(receipt));
    }
    let action = ACTIONS[usize::from(choice / 4) % ACTIONS.len()].name;
    // In Query the path names a queue of either kind.
    let path = if choice & 2 == 0 { "/000000000000/q" } else { "/000000000000/q.fifo" };
    let (protocol, params) = if choice & 1 == 0 {
        (Protocol::Json, Params::Json(Bytes::copy_from_slice(body)))
    } else {
        let Ok(form) = Form::parse(body) else { return };
        (Protocol::Query, Params::Form(form))
    };
    SERVER.with_borrow_mut(|server| {
        if server.as_ref().is_some_and(|server| server.calls > CALLS_MAX) {
            *server = None;
        }
        server.get_or_insert_with(Server::new).call(action, protocol, params, path);
    });
});
