//! A server in this process, and a client that speaks plain HTTP/1.1 to it.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use trine_server::{
    Environment, Server, StartError,
    config::{ListenerKind, Loader, Profile},
};

/// Nothing here takes so long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// An answer: status, head and body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        self.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Defaults of a way to run with every port free.
pub(crate) fn loader(profile: Profile) -> Loader {
    ["kafka", "aws", "redis", "admin"]
        .iter()
        .fold(Loader::new(profile), |l, kind| l.listen_flag(&format!("{kind}=127.0.0.1:0")))
}

pub(crate) async fn start(loader: Loader) -> Result<Server, StartError> {
    Server::start(loader.build().unwrap(), Environment::system()).await
}

/// A server in memory.
pub(crate) async fn dev() -> Server {
    start(loader(Profile::Dev)).await.unwrap()
}

pub(crate) fn admin(server: &Server) -> SocketAddr {
    server.addrs(ListenerKind::Admin)[0]
}

pub(crate) fn kafka(server: &Server) -> SocketAddr {
    server.addrs(ListenerKind::Kafka)[0]
}

/// One request on a connection of its own. Each header line ends in `\r\n`.
pub(crate) async fn request(server: &Server, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    request_at(admin(server), method, path, headers, body).await
}

/// The same, to an address.
pub(crate) async fn request_at(addr: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let exchange = async {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // The server may answer, and close, before it has taken a body it refuses.
        let _ = stream.write_all(body.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    };
    let answer = tokio::time::timeout(PATIENCE, exchange).await.expect("the server answers in time");
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP answer: {answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { dechunk(body) } else { body.to_owned() };
    Answer { status, head: head.to_owned(), body }
}

pub(crate) async fn get(server: &Server, path: &str) -> Answer {
    request(server, "GET", path, "", "").await
}

pub(crate) async fn post(server: &Server, path: &str, body: &Value) -> Answer {
    request(server, "POST", path, "Content-Type: application/json\r\n", &body.to_string()).await
}

fn dechunk(mut rest: &str) -> String {
    let mut out = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        out.push_str(&after[..size]);
        if size == 0 {
            break;
        }
        rest = &after[size + 2..];
    }
    out
}

/// Asks a Kafka listener for its API versions (request version 0) and gives the error code it answers; none when it closes the connection.
pub(crate) async fn kafka_api_versions(addr: SocketAddr) -> Option<i16> {
    let exchange = async {
        let mut stream = TcpStream::connect(addr).await.ok()?;
        // Length, key 18, version 0, correlation id 7, no client id.
        stream.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]).await.ok()?;
        let mut head = [0; 10];
        stream.read_exact(&mut head).await.ok()?;
        assert_eq!(head[4..8], [0, 0, 0, 7], "the answer has the request's correlation id");
        Some(i16::from_be_bytes([head[8], head[9]]))
    };
    tokio::time::timeout(PATIENCE, exchange).await.expect("the server answers in time")
}
