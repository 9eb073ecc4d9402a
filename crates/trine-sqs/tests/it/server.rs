//! An AWS port with the SQS edge on a free port, and clients of both protocols that speak bytes.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hmac::{Hmac, Mac};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use trine_aws::{Accounts, Aws, AwsConfig, Keys};
use trine_broker::{Access, Broker, BrokerConfig, BrokerParts, TokioHost};
use trine_env::{Clock, SimRng, TestClock};
use trine_net::{Binding, ConnectionLimit, Drain, HostPort, accept_loop, auth::Users};
use trine_sqs::{Sqs, SqsConfig};
use trine_storage::{MemoryDisk, MemoryOptions, MemoryStore};
use trine_types::Timestamp;

/// Long enough for anything that happens at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// When the tests begin.
pub(crate) const START_MS: i64 = 1_793_534_400_000;

/// The two wire protocols.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wire {
    Json,
    Query,
}

pub(crate) const BOTH: [Wire; 2] = [Wire::Json, Wire::Query];

pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) broker: Broker,
    pub(crate) drain: Drain,
}

/// Wall time stands still, too, so that signatures can be made for it.
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        self.wall()
    }

    fn mono(&self) -> Duration {
        Duration::ZERO
    }

    fn wall(&self) -> Timestamp {
        Timestamp(START_MS)
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(SqsConfig { purge_interval: Duration::ZERO, ..SqsConfig::default() }).await
    }

    pub(crate) async fn with(config: SqsConfig) -> Self {
        Self::with_users(config, Access::allow_all(), Keys::default()).await
    }

    /// A server that wants signatures.
    pub(crate) async fn with_users(config: SqsConfig, access: Access, keys: Keys) -> Self {
        let clock: Arc<TestClock> = Arc::new(TestClock::frozen(Timestamp(START_MS)));
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
        .unwrap();
        let aws = Aws::new(AwsConfig {
            services: vec![Arc::new(Sqs::new(broker.clone(), config, clock.clone()))],
            accounts: Accounts::default(),
            region: "us-east-1".to_owned(),
            public_url: None,
            keys,
            access,
            users: Users::default(),
            clock: Arc::new(Noon),
            rng: Arc::new(SimRng::new(2)),
        });
        let binding = Binding::bind(&HostPort::new("127.0.0.1", 0)).unwrap();
        let addr = binding.addrs()[0];
        let (drain, limit) = (Drain::default(), ConnectionLimit::new(1000));
        for listener in binding.listen().unwrap() {
            let aws = aws.clone();
            let serve = move |conn| aws.clone().serve(conn, false);
            tokio::spawn(accept_loop(listener, limit.clone(), drain.signal(), serve));
        }
        Self { addr, broker, drain }
    }

    /// Moves message time.
    pub(crate) async fn advance(&self, seconds: u64) {
        self.broker.advance_clock(Duration::from_secs(seconds)).await.unwrap();
    }

    /// Calls an action and returns whatever is answered.
    pub(crate) async fn call(&self, wire: Wire, action: &str, params: Value) -> Answer {
        let bytes = request(self.addr, wire, action, &params);
        Answer::read(wire, &exchange(self.addr, &bytes).await)
    }

    /// Calls an action that must succeed.
    pub(crate) async fn ok(&self, wire: Wire, action: &str, params: Value) -> Answer {
        let answer = self.call(wire, action, params.clone()).await;
        assert_eq!(answer.status, 200, "{wire:?} {action} {params}: {}", answer.body);
        answer
    }

    /// Calls an action that must fail: code and text.
    pub(crate) async fn fails(&self, wire: Wire, action: &str, params: Value) -> (String, String) {
        let answer = self.call(wire, action, params.clone()).await;
        assert_ne!(answer.status, 200, "{wire:?} {action} {params}: {}", answer.body);
        (answer.code, answer.message)
    }

    /// Makes a queue and returns its URL.
    pub(crate) async fn queue(&self, name: &str, attributes: Value) -> String {
        let params = json!({ "QueueName": name, "Attributes": attributes });
        self.ok(Wire::Json, "CreateQueue", params).await.text("QueueUrl")
    }

    /// Sends a plain message and returns its id.
    pub(crate) async fn send(&self, url: &str, body: &str) -> String {
        self.ok(Wire::Json, "SendMessage", json!({ "QueueUrl": url, "MessageBody": body })).await.text("MessageId")
    }

    /// Receives up to ten messages with everything that belongs to them.
    pub(crate) async fn receive(&self, url: &str) -> Vec<Value> {
        self.receive_with(url, json!({ "MaxNumberOfMessages": 10 })).await
    }

    /// The same with further parameters.
    pub(crate) async fn receive_with(&self, url: &str, more: Value) -> Vec<Value> {
        let mut params =
            json!({ "QueueUrl": url, "MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"] });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = self.ok(Wire::Json, "ReceiveMessage", params).await;
        answer.body["Messages"].as_array().cloned().unwrap_or_default()
    }

    /// An attribute of a queue.
    pub(crate) async fn attribute(&self, url: &str, name: &str) -> String {
        let params = json!({ "QueueUrl": url, "AttributeNames": [name] });
        self.ok(Wire::Json, "GetQueueAttributes", params).await.body["Attributes"][name]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// Bodies of messages.
pub(crate) fn bodies(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|m| m["Body"].as_str().unwrap()).collect()
}

/// An answer of either protocol.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    /// The JSON object, or the XML as objects: an element that occurs several times is a list.
    pub(crate) body: Value,
    pub(crate) raw: String,
    /// The legacy code of an error.
    pub(crate) code: String,
    /// `__type` of an error, in JSON only.
    pub(crate) kind: String,
    pub(crate) message: String,
}

impl Answer {
    pub(crate) fn read(wire: Wire, bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (head, raw) = text.split_once("\r\n\r\n").expect("an answer");
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = match wire {
            Wire::Json if raw.is_empty() => json!({}),
            Wire::Json => serde_json::from_str(raw).unwrap_or(Value::Null),
            Wire::Query => xml(raw),
        };
        let of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (code, kind, message) = match wire {
            Wire::Json => {
                let legacy = header(head, "x-amzn-query-error").unwrap_or_default();
                let code = legacy.split(';').next().unwrap_or_default().to_owned();
                (code, of(&body["__type"]), of(&body["message"]))
            }
            Wire::Query => (of(&body["Error"]["Code"]), String::new(), of(&body["Error"]["Message"])),
        };
        Self { status, head: head.to_owned(), raw: raw.to_owned(), body, code, kind, message }
    }

    /// A text anywhere in the answer, by its name.
    pub(crate) fn text(&self, name: &str) -> String {
        self.texts(name).into_iter().next().unwrap_or_else(|| panic!("no {name} in {}", self.raw))
    }

    /// All texts of a name.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let mut found = Vec::new();
        collect(&self.body, name, &mut found);
        found
    }
}

fn collect(value: &Value, name: &str, found: &mut Vec<String>) {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::Array(items) if key == name => found.extend(items.iter().filter_map(scalar)),
                    value if key == name => found.extend(scalar(value)),
                    _ => {}
                }
                collect(value, name, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, name, found)),
        _ => {}
    }
}

pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// A whole request.
pub(crate) fn request(addr: SocketAddr, wire: Wire, action: &str, params: &Value) -> Vec<u8> {
    let (headers, body) = match wire {
        Wire::Json => (
            format!("Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.{action}\r\n"),
            params.to_string(),
        ),
        Wire::Query => {
            let mut body = format!("Action={action}&Version=2012-11-05");
            for (name, value) in flatten(params) {
                body.push_str(&format!("&{name}={}", percent(&value)));
            }
            ("Content-Type: application/x-www-form-urlencoded\r\n".to_owned(), body)
        }
    };
    post(addr, "/", &headers, body.as_bytes())
}

/// [`START_MS`] as signatures write it.
const NOON: &str = "20261101T120000Z";
const DAY: &str = "20261101";

/// A whole request in JSON, signed with a key.
pub(crate) fn signed(addr: SocketAddr, action: &str, params: &Value, id: &str, secret: &str) -> Vec<u8> {
    let body = params.to_string();
    let hash = |text: &str| hex(&Sha256::digest(text));
    let target = format!("AmazonSQS.{action}");
    let canonical = format!(
        "POST\n/\n\nhost:{addr}\nx-amz-date:{NOON}\nx-amz-target:{target}\n\nhost;x-amz-date;x-amz-target\n{}",
        hash(&body)
    );
    let scope = format!("{DAY}/us-east-1/sqs/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{NOON}\n{scope}\n{}", hash(&canonical));
    let mac = |key: &[u8], text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let secret = format!("AWS4{secret}");
    let key = [DAY, "us-east-1", "sqs", "aws4_request"].iter().fold(secret.into_bytes(), |key, part| mac(&key, part));
    let signature = hex(&mac(&key, &to_sign));
    let headers = format!(
        "Content-Type: application/x-amz-json-1.0\r\nX-Amz-Date: {NOON}\r\nX-Amz-Target: {target}\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential={id}/{scope}, SignedHeaders=host;x-amz-date;x-amz-target, Signature={signature}\r\n"
    );
    post(addr, "/", &headers, body.as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub(crate) fn post(addr: SocketAddr, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "POST {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

pub(crate) async fn exchange(addr: SocketAddr, request: &[u8]) -> Vec<u8> {
    let exchange = async {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    };
    tokio::time::timeout(PATIENCE, exchange).await.expect("no answer")
}

/// What old clients make of a request: flattened members under other names.
fn flatten(params: &Value) -> Vec<(String, String)> {
    let mut out = Vec::new();
    members(params, "", &mut out);
    out
}

fn members(value: &Value, prefix: &str, out: &mut Vec<(String, String)>) {
    for (name, value) in value.as_object().unwrap() {
        match value {
            Value::Object(map) => {
                let (element, key) = match name.as_str() {
                    "tags" | "Tags" => ("Tag", "Key"),
                    "Attributes" => ("Attribute", "Name"),
                    "MessageAttributes" => ("MessageAttribute", "Name"),
                    "MessageSystemAttributes" => ("MessageSystemAttribute", "Name"),
                    other => panic!("no map {other}"),
                };
                for (i, (k, v)) in map.iter().enumerate() {
                    let at = format!("{prefix}{element}.{}", i + 1);
                    out.push((format!("{at}.{key}"), k.clone()));
                    match v {
                        Value::Object(_) => members(v, &format!("{at}.Value."), out),
                        v => out.push((format!("{at}.Value"), v.as_str().unwrap().to_owned())),
                    }
                }
            }
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    let element = match name.as_str() {
                        "AttributeNames" => "AttributeName",
                        "MessageSystemAttributeNames" => "MessageSystemAttributeName",
                        "MessageAttributeNames" => "MessageAttributeName",
                        "AWSAccountIds" => "AWSAccountId",
                        "Actions" => "ActionName",
                        "TagKeys" => "TagKey",
                        "Entries" if item.get("MessageBody").is_some() => "SendMessageBatchRequestEntry",
                        "Entries" if item.get("VisibilityTimeout").is_some() => {
                            "ChangeMessageVisibilityBatchRequestEntry"
                        }
                        "Entries" => "DeleteMessageBatchRequestEntry",
                        other => panic!("no list {other}"),
                    };
                    let at = format!("{prefix}{element}.{}", i + 1);
                    match item {
                        Value::Object(_) => members(item, &format!("{at}."), out),
                        item => out.push((at, item.as_str().unwrap().to_owned())),
                    }
                }
            }
            Value::String(text) => out.push((format!("{prefix}{name}"), text.clone())),
            other => out.push((format!("{prefix}{name}"), other.to_string())),
        }
    }
}

pub(crate) fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() { out.push(char::from(byte)) } else { out.push_str(&format!("%{byte:02X}")) }
    }
    out
}

/// XML without attributes and mixed content as objects of the root's children.
pub(crate) fn xml(text: &str) -> Value {
    let text = text.trim_start();
    let text = match text.strip_prefix("<?") {
        Some(rest) => rest.split_once("?>").map_or("", |(_, rest)| rest).trim_start(),
        None => text,
    };
    if text.is_empty() { Value::Null } else { element(text).1 }
}

/// An element's value and what follows it.
fn element(text: &str) -> (&str, Value) {
    let open_end = text.find('>').unwrap();
    let open = &text[1..open_end];
    if open.ends_with('/') {
        return (&text[open_end + 1..], Value::Null);
    }
    let name = open.split(' ').next().unwrap();
    let (mut rest, mut members, mut content) = (&text[open_end + 1..], Map::new(), String::new());
    loop {
        if let Some(after) = rest.strip_prefix("</") {
            let end = after.find('>').unwrap();
            assert_eq!(&after[..end], name);
            let value = if members.is_empty() { Value::String(unescape(&content)) } else { Value::Object(members) };
            return (&after[end + 1..], value);
        }
        if rest.starts_with('<') {
            let child = rest[1..].split([' ', '>', '/']).next().unwrap().to_owned();
            let (after, value) = element(rest);
            rest = after;
            match members.get_mut(&child) {
                None => drop(members.insert(child, value)),
                Some(Value::Array(items)) => items.push(value),
                Some(first) => *first = json!([first.take(), value]),
            }
        } else {
            let end = rest.find('<').unwrap();
            content.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#xD;", "\r").replace("&amp;", "&")
}
