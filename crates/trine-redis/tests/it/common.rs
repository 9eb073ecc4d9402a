//! An edge over a broker in memory, on a free port, and a client that speaks bytes.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use trine_broker::{Access, Broker, BrokerConfig, BrokerParts, TokioHost};
use trine_env::{SimRng, SystemClock};
use trine_net::{Binding, ConnectionLimit, Drain, HostPort, auth::Users};
use trine_redis::{Redis, RedisConfig};
use trine_storage::{MemoryDisk, MemoryOptions, MemoryStore};
use trine_types::Timestamp;

/// Long enough for anything that happens at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) broker: Broker,
    pub(crate) redis: Redis,
    pub(crate) drain: Drain,
    pub(crate) limit: ConnectionLimit,
}

impl Server {
    pub(crate) async fn start(workers: usize) -> Self {
        Self::with(RedisConfig { workers, ..RedisConfig::default() }, BrokerConfig::default(), 10_000).await
    }

    pub(crate) async fn with(config: RedisConfig, broker: BrokerConfig, clients_max: usize) -> Self {
        Self::with_users(config, broker, clients_max, Users::default()).await
    }

    pub(crate) async fn with_users(
        config: RedisConfig,
        broker: BrokerConfig,
        clients_max: usize,
        users: Users,
    ) -> Self {
        let parts = BrokerParts {
            config: broker,
            access: Access::allow_all(),
            clock: Arc::new(SystemClock::new(Timestamp::ZERO)),
            rng: Arc::new(SimRng::new(1)),
            host: Arc::new(TokioHost::current()),
        };
        let disk = MemoryDisk::new();
        let broker = Broker::open(parts, |waker, replay| {
            MemoryStore::open_on(MemoryOptions { shards: 1, ..MemoryOptions::default() }, &disk, waker, replay)
        })
        .await
        .unwrap();
        let (drain, limit) = (Drain::default(), ConnectionLimit::new(clients_max));
        let redis =
            Redis::start(broker.clone(), config, Arc::new(users), Arc::new(SimRng::new(2)), &drain.signal()).unwrap();
        let binding = Binding::bind(&HostPort::new("127.0.0.1", 0)).unwrap();
        let addr = binding.addrs()[0];
        for listener in binding.listen().unwrap() {
            tokio::spawn(redis.clone().serve_tcp(listener, false, limit.clone(), drain.signal()));
        }
        Self { addr, broker, redis, drain, limit }
    }

    pub(crate) async fn client(&self) -> Client {
        Client { stream: TcpStream::connect(self.addr).await.unwrap() }
    }

    /// A client that speaks RESP3.
    pub(crate) async fn client3(&self) -> Client {
        let mut client = self.client().await;
        client.send("HELLO 3\r\n").await;
        // Ends what HELLO answers, and shows that the version is in force.
        client.send("SUNSUBSCRIBE\r\n").await;
        client.read_until(b">3\r\n$12\r\nsunsubscribe\r\n_\r\n:0\r\n").await;
        client
    }
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
}

impl Client {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends one command as an array of bulks.
    pub(crate) async fn command(&mut self, args: &[&[u8]]) {
        self.send(encode(args)).await;
    }

    /// Reads exactly these bytes.
    pub(crate) async fn expect(&mut self, want: impl AsRef<[u8]>) {
        let want = want.as_ref();
        let mut got = vec![0; want.len()];
        let mut filled = 0;
        let read = async {
            while filled < got.len() {
                match self.stream.read(&mut got[filled..]).await {
                    Ok(0) | Err(_) => break,
                    Ok(n) => filled += n,
                }
                if got[..filled] != want[..filled] {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(PATIENCE, read).await;
        assert_eq!(String::from_utf8_lossy(&got[..filled]), String::from_utf8_lossy(want), "these bytes were expected");
    }

    /// Reads exactly these pieces, one after the other in whatever order.
    pub(crate) async fn expect_in_any_order(&mut self, pieces: &[&[u8]]) {
        let mut got = vec![0; pieces.iter().map(|p| p.len()).sum()];
        tokio::time::timeout(PATIENCE, self.stream.read_exact(&mut got)).await.expect("no answer").unwrap();
        let (mut rest, mut left) = (&got[..], pieces.to_vec());
        while let Some(at) = left.iter().position(|piece| rest.starts_with(piece)) {
            rest = &rest[left.swap_remove(at).len()..];
        }
        assert!(left.is_empty(), "{}", String::from_utf8_lossy(&got));
    }

    /// Sends and reads exactly these bytes.
    pub(crate) async fn exchange(&mut self, send: impl AsRef<[u8]>, want: impl AsRef<[u8]>) {
        self.send(send).await;
        self.expect(want).await;
    }

    /// Reads until these bytes end what was read; returns all of it.
    pub(crate) async fn read_until(&mut self, end: &[u8]) -> Vec<u8> {
        let mut got = Vec::new();
        let read = async {
            while !got.ends_with(end) {
                let byte = self.stream.read_u8().await.expect("the connection was closed");
                got.push(byte);
            }
        };
        tokio::time::timeout(PATIENCE, read).await.expect("no answer");
        got
    }

    /// Reads to the end of the connection.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let read = self.stream.read_to_end(&mut rest);
        // A reset after the last byte is an end as well.
        let _ = tokio::time::timeout(PATIENCE, read).await.expect("the connection stays open");
        rest
    }

    /// Nothing comes before the answer to this PING.
    pub(crate) async fn expect_nothing(&mut self) {
        self.exchange("PING\r\n", "+PONG\r\n").await;
    }
}

pub(crate) fn encode(args: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend(format!("${}\r\n", arg.len()).into_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Tries again until it holds.
pub(crate) async fn eventually(mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("it never holds");
}
