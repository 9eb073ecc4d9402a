//! The Redis edge in a whole server: addresses, unix socket, metrics, stop.

use std::path::Path;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use trine_server::config::{ListenerKind, Profile};

use crate::common::{PATIENCE, loader, request, start};

async fn exchange(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), send: &str, want: &str) {
    stream.write_all(send.as_bytes()).await.unwrap();
    let mut got = vec![0; want.len()];
    timeout(PATIENCE, stream.read_exact(&mut got)).await.expect("no answer").unwrap();
    assert_eq!(String::from_utf8_lossy(&got), want);
}

#[tokio::test]
async fn clients_of_both_sockets_meet_and_a_stop_ends_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("redis.sock");
    let unix = |path: &Path| format!("redis=unix:{}", path.display());
    let ready = dir.path().join("ready.json");
    let flags = loader(Profile::Dev).flag("--ready-file", "ready_file", ready.display().to_string());
    let server = start(flags.listen_flag(&unix(&path))).await.unwrap();
    let written: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&ready).unwrap()).unwrap();
    let tcp_addrs = server.addrs(ListenerKind::Redis).into_iter().map(|addr| addr.to_string());
    let all: Vec<_> = tcp_addrs.chain([format!("unix:{}", path.display())]).collect();
    assert_eq!(written["listeners"]["redis"], serde_json::json!(all));
    assert!(server.banner().contains(&format!("unix:{}", path.display())), "{}", server.banner());
    let mut tcp = TcpStream::connect(server.addrs(ListenerKind::Redis)[0]).await.unwrap();
    let mut local = UnixStream::connect(&path).await.unwrap();
    exchange(&mut tcp, "SUBSCRIBE news\r\n", "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n").await;
    exchange(&mut local, "PUBLISH news hello\r\n", ":1\r\n").await;
    exchange(&mut tcp, "", "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n").await;
    let metrics = request(&server, "GET", "/metrics", "", "").await.body;
    for line in [
        "trine_channel_channels_count 1",
        "trine_channel_subscribers_count 1",
        "trine_channel_messages_in_total 1",
        "trine_channel_messages_out_total 1",
        "trine_channel_cut_offs_total{limit=\"hard\"} 0",
        "trine_net_connections_open{listener=\"redis\"} 2",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line} is not in\n{metrics}");
    }
    server.stop().await.unwrap();
    assert_eq!(timeout(PATIENCE, tcp.read(&mut [0; 1])).await.expect("it stays open").unwrap(), 0);
    assert!(!path.exists(), "the socket's file goes with the server");
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced_and_one_in_use_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("redis.sock");
    let flag = format!("redis=unix:{}", path.display());
    // Bound and dropped: the file stays, nobody listens.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let server = start(loader(Profile::Dev).listen_flag(&flag)).await.unwrap();
    let mut client = UnixStream::connect(&path).await.unwrap();
    exchange(&mut client, "PING\r\n", "+PONG\r\n").await;
    let error = start(loader(Profile::Dev).listen_flag(&flag)).await.err().expect("the file is in use");
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    exchange(&mut client, "PING\r\n", "+PONG\r\n").await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn cluster_clients_are_told_the_advertised_address() {
    let flags = loader(Profile::Dev).flag("--set", "redis.cluster", "true").advertise_flag("redis=cache.example:7000");
    let server = start(flags).await.unwrap();
    let mut client = TcpStream::connect(server.addrs(ListenerKind::Redis)[0]).await.unwrap();
    let slots =
        |host: &str, port: u16| format!("*1\r\n*3\r\n:0\r\n:16383\r\n*4\r\n${}\r\n{host}\r\n:{port}\r\n", host.len());
    exchange(&mut client, "CLUSTER SLOTS\r\n", &slots("cache.example", 7000)).await;
    let mut other = TcpStream::connect(server.addrs(ListenerKind::Redis)[0]).await.unwrap();
    let answer = request(&server, "POST", "/v1/advertise", "", r#"{"redis":"localhost:17000"}"#).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    exchange(&mut other, "CLUSTER SLOTS\r\n", &slots("localhost", 17_000)).await;
    server.stop().await.unwrap();
}
