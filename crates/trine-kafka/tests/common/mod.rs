//! An edge over a broker in memory, on a free port, and a client that speaks bytes.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_wire::RequestResponsePair;
use kafka_wire_core::{ApiVersion, DecodeLimits, Decoder, KafkaDecode, KafkaEncode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use trine_broker::{Access, Broker, BrokerConfig, BrokerParts, TokioHost};
use trine_env::{SimRng, SystemClock};
use trine_kafka::{
    Kafka, KafkaConfig,
    wire::{Api, RequestHeader, Text},
};
use trine_net::{Binding, ConnectionLimit, Drain, HostPort, accept_loop};
use trine_records::{BatchBuilder, Codec};
use trine_storage::{MemoryDisk, MemoryOptions, MemoryStore};
use trine_types::Timestamp;

/// Long enough for anything that happens at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) broker: Broker,
    pub(crate) kafka: Kafka,
    pub(crate) drain: Drain,
    pub(crate) limit: ConnectionLimit,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(KafkaConfig::default(), Access::allow_all()).await
    }

    pub(crate) async fn with(config: KafkaConfig, access: Access) -> Self {
        let mut broker = BrokerConfig::default();
        broker.groups.initial_rebalance_delay = Duration::ZERO;
        let parts = BrokerParts {
            config: broker,
            access,
            clock: Arc::new(SystemClock::new(Timestamp::ZERO)),
            rng: Arc::new(SimRng::new(1)),
            host: Arc::new(TokioHost::current()),
        };
        let disk = MemoryDisk::new();
        let broker = Broker::open(parts, |waker, replay| {
            MemoryStore::open_on(MemoryOptions { shards: 2, ..MemoryOptions::default() }, &disk, waker, replay)
        })
        .await
        .unwrap();
        let kafka = Kafka::new(broker.clone(), config, Arc::new(SimRng::new(2)));
        let binding = Binding::bind(&HostPort::new("127.0.0.1", 0)).unwrap();
        let addr = binding.addrs()[0];
        let (drain, limit) = (Drain::default(), ConnectionLimit::new(100));
        for listener in binding.listen().unwrap() {
            let kafka = kafka.clone();
            let serve = move |conn| kafka.clone().serve(conn);
            tokio::spawn(accept_loop(listener, limit.clone(), drain.signal(), serve));
        }
        Self { addr, broker, kafka, drain, limit }
    }

    pub(crate) async fn client(&self) -> Client {
        Client { stream: TcpStream::connect(self.addr).await.unwrap(), next: 100 }
    }
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    next: i32,
}

impl Client {
    /// Sends a request with this body and returns its correlation id.
    pub(crate) async fn send(&mut self, api: &Api, version: i16, body: &[u8]) -> i32 {
        self.next += 1;
        let frame = frame(api, version, self.next, body);
        self.stream.write_all(&frame).await.unwrap();
        self.next
    }

    /// The next response: correlation id, and what follows it.
    pub(crate) async fn receive(&mut self) -> Option<(i32, Bytes)> {
        let read = async {
            let len = self.stream.read_u32().await.ok()?;
            let mut body = vec![0; len as usize];
            self.stream.read_exact(&mut body).await.ok()?;
            let mut body = Bytes::from(body);
            Some((body.get_i32(), body))
        };
        tokio::time::timeout(PATIENCE, read).await.expect("no answer")
    }

    /// One control-plane exchange.
    pub(crate) async fn call<R>(&mut self, version: i16, request: &R) -> R::Response
    where
        R: RequestResponsePair,
    {
        let api = Api::find(R::API_KEY.value()).unwrap();
        let id = self.send(api, version, &encode(request, version)).await;
        let (answered, body) = self.receive().await.expect("the connection was closed");
        assert_eq!(answered, id);
        decode(api, version, body)
    }

    /// Whether the server closes the connection without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut byte)).await.expect("still open");
        matches!(read, Ok(0) | Err(_))
    }
}

pub(crate) fn encode(message: &impl KafkaEncode, version: i16) -> Bytes {
    message.encode_to_bytes(ApiVersion::new(version)).unwrap()
}

/// A response body, without its correlation id, to the last byte.
pub(crate) fn decode<M: KafkaDecode>(api: &'static Api, version: i16, mut body: Bytes) -> M {
    let header = RequestHeader { api, version, correlation_id: 0, client_id: Text::default() };
    if header.response_header_is_flexible() {
        assert_eq!(body.get_u8(), 0);
    }
    let mut decoder = Decoder::new(body, DecodeLimits::default()).unwrap();
    let message = M::decode(&mut decoder, ApiVersion::new(version)).unwrap();
    decoder.finish().unwrap();
    message
}

pub(crate) fn frame(api: &Api, version: i16, correlation_id: i32, body: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u32(0);
    out.put_i16(api.key as i16);
    out.put_i16(version);
    out.put_i32(correlation_id);
    out.put_i16(4);
    out.put_slice(b"test");
    if api.is_flexible(version) {
        out.put_u8(0);
    }
    out.put_slice(body);
    let len = (out.len() - 4) as u32;
    out[..4].copy_from_slice(&len.to_be_bytes());
    out.freeze()
}

/// A batch of these values at the present time.
pub(crate) fn batch(codec: Codec, values: &[&str]) -> Bytes {
    let now = trine_env::Clock::now(&SystemClock::new(Timestamp::ZERO)).0;
    let mut builder = BatchBuilder::new().compression(codec);
    for value in values {
        builder.push(now, Some(b"key"), Some(value.as_bytes()), &[]);
    }
    builder.build().unwrap()
}

/// A message with these fields, the others at their protocol default.
macro_rules! message {
    ($type:path { $($field:ident: $value:expr),* $(,)? }) => {{
        let mut message = <$type>::default();
        $(message.$field = $value;)*
        message
    }};
}
#[allow(unused_imports, reason = "each test file uses its own part")]
pub(crate) use message;

/// A produce request for one partition of a topic named by name.
pub(crate) fn produce(topic: &str, index: i32, acks: i16, records: Bytes) -> kafka_wire::ProduceRequest {
    use kafka_wire::produce_request::{PartitionProduceData, TopicProduceData};
    let partition = message!(PartitionProduceData { index: index, records: Some(records) });
    let topic = message!(TopicProduceData { name: topic.into(), partition_data: vec![partition] });
    message!(kafka_wire::ProduceRequest { acks: acks, timeout_ms: 1000, topic_data: vec![topic] })
}

/// A sessionless fetch of one partition of a topic named by name.
pub(crate) fn fetch(topic: &str, index: i32, offset: i64, max_wait_ms: i32) -> kafka_wire::FetchRequest {
    use kafka_wire::fetch_request::{FetchPartition, FetchTopic};
    let partition = message!(FetchPartition {
        partition: index,
        fetch_offset: offset,
        current_leader_epoch: -1,
        partition_max_bytes: 1 << 20,
    });
    let topic = message!(FetchTopic { topic: topic.into(), partitions: vec![partition] });
    message!(kafka_wire::FetchRequest {
        max_wait_ms: max_wait_ms,
        min_bytes: 1,
        max_bytes: 1 << 20,
        session_epoch: -1,
        topics: vec![topic],
    })
}

/// Makes a topic and returns its id.
pub(crate) async fn create(
    client: &mut Client,
    name: &str,
    partitions: i32,
    configs: &[(&str, &str)],
) -> kafka_wire_core::Uuid {
    use kafka_wire::create_topics_request::{CreatableTopic, CreatableTopicConfig};
    let configs = configs
        .iter()
        .map(|(name, value)| message!(CreatableTopicConfig { name: (*name).into(), value: Some((*value).into()) }));
    let topic = message!(CreatableTopic {
        name: name.into(),
        num_partitions: partitions,
        replication_factor: 3,
        configs: configs.collect(),
    });
    let answer = client.call(7, &message!(kafka_wire::CreateTopicsRequest { topics: vec![topic] })).await;
    assert_eq!(answer.topics[0].error_code, 0, "{:?}", answer.topics[0].error_message);
    assert_eq!(answer.topics[0].num_partitions, partitions);
    answer.topics[0].topic_id
}
