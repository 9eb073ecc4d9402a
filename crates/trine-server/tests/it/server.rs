//! A whole server: starting, stopping, ports, data directory, declared objects, failures.

use std::{net::SocketAddr, time::Duration};

use serde_json::json;
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};
use trine_server::{
    Environment, Server, StartError,
    config::{ListenerKind, Loader, Profile},
};

use crate::{
    common::{PATIENCE, admin, dev, get, kafka, kafka_api_versions, loader, post, request, request_at, start},
    faults::FaultyFs,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_started_server_answers_on_every_port_of_both_loopback_addresses() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ready.json");
    let server =
        start(loader(Profile::Dev).flag("--ready-file", "ready_file", file.display().to_string())).await.unwrap();
    for kind in ListenerKind::ALL {
        assert!(!server.addrs(kind).is_empty());
        for addr in server.addrs(kind) {
            TcpStream::connect(addr).await.unwrap();
        }
    }
    assert_eq!(get(&server, "/livez").await.status, 200);
    assert_eq!(get(&server, "/readyz").await.status, 200);
    assert_eq!(kafka_api_versions(kafka(&server)).await, Some(0));
    let ready: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(ready["listeners"]["admin"][0], admin(&server).to_string());
    assert!(server.banner().contains(&kafka(&server).to_string()));
    let addrs: Vec<_> = ListenerKind::ALL.into_iter().flat_map(|kind| server.addrs(kind)).collect();
    server.stop().await.unwrap();
    assert!(!file.exists(), "a stopped server is not ready");
    for addr in addrs {
        assert!(TcpStream::connect(addr).await.is_err(), "{addr} is closed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_can_be_off() {
    let text = "[listen]\nkafka = \"off\"\naws = \"off\"\nredis = \"off\"\nadmin = \"127.0.0.1:0\"";
    let server = start(Loader::new(Profile::Dev).toml("t", text)).await.unwrap();
    assert!(server.addrs(ListenerKind::Kafka).is_empty());
    assert!(server.banner().contains("off"));
    assert_eq!(get(&server, "/readyz").await.status, 200);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn data_survives_a_clean_stop_and_a_second_server_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let on_disk = || loader(Profile::Serve).flag("--data", "data", dir.path().display().to_string());
    let server = start(on_disk()).await.unwrap();
    assert_eq!(post(&server, "/v1/topics", &json!({ "name": "t", "partitions": 2 })).await.status, 201);
    let records = json!({ "records": [{ "body": "one", "key": "k" }, { "body": "two", "key": "k" }] });
    assert_eq!(post(&server, "/v1/topics/t/produce", &records).await.status, 200);

    let second = start(on_disk()).await;
    assert!(matches!(second, Err(StartError::Open(_))), "one process per directory");
    let text = second.err().unwrap().to_string();
    assert!(text.contains("in use"), "{text}");

    server.stop().await.unwrap();
    let server = start(on_disk()).await.unwrap();
    let bodies: Vec<_> =
        post(&server, "/v1/topics/t/consume", &json!({})).await.lines().iter().map(|r| r["body"].clone()).collect();
    assert_eq!(bodies, ["one", "two"]);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_port_is_named_and_nothing_stays_behind() {
    let server = dev().await;
    let busy = admin(&server).port();
    let dir = tempfile::tempdir().unwrap();
    let data = || dir.path().join("d").display().to_string();
    let text =
        format!("[listen]\nadmin = \"127.0.0.1:{busy}\"\nkafka = \"127.0.0.1:0\"\naws = \"off\"\nredis = \"off\"");
    let clash = Loader::new(Profile::Serve).toml("t", &text).flag("--data", "data", data());
    let error = start(clash).await.err().unwrap();
    assert!(matches!(error, StartError::Bind(_)));
    assert!(error.to_string().contains(&busy.to_string()), "{error}");
    assert!(!dir.path().join("d").exists(), "ports are taken before the directory is touched");
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn declared_topics_are_there_and_existing_ones_are_not_changed() {
    let dir = tempfile::tempdir().unwrap();
    let declared = |partitions: u32, retention: u32| {
        let text = format!(
            "[[topic]]\nname = \"orders\"\npartitions = {partitions}\nconfig = {{ \"retention.ms\" = {retention} }}"
        );
        loader(Profile::Serve).toml("t", &text).flag("--data", "data", dir.path().display().to_string())
    };
    for (partitions, retention) in [(3, 60_000), (5, 90_000)] {
        let server = start(declared(partitions, retention)).await.unwrap();
        let topic = get(&server, "/v1/topics/orders").await.json();
        assert_eq!(topic["partitions"].as_array().unwrap().len(), 3);
        let settings = topic["settings"].as_array().unwrap();
        let own: Vec<_> = settings.iter().filter(|s| s["default"] == false).collect();
        assert_eq!(own.len(), 1);
        assert_eq!((&own[0]["name"], &own[0]["value"]), (&json!("retention.ms"), &json!("60000")));
        server.stop().await.unwrap();
    }
    let wrong = "[[topic]]\nname = \"x\"\nconfig = { \"retention.mss\" = 1 }";
    let error = start(loader(Profile::Dev).toml("t", wrong)).await.err().unwrap();
    assert!(error.to_string().contains("retention.mss"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn declared_queues_are_there_and_existing_ones_are_not_changed() {
    let dir = tempfile::tempdir().unwrap();
    let declared = |visibility: &str| {
        let text = format!(
            "[[queue]]\nname = \"jobs\"\nconfig = {{ visibility = \"{visibility}\", dead_letter = \"failed\" }}\ntags = {{ team = \"a\" }}\n[[queue]]\nname = \"failed\""
        );
        loader(Profile::Serve).toml("t", &text).flag("--data", "data", dir.path().display().to_string())
    };
    let (namespace, name) = (trine_types::Namespace::default(), trine_types::QueueName::parse("jobs").unwrap());
    for visibility in ["45s", "90s"] {
        let server = start(declared(visibility)).await.unwrap();
        let queues = server.broker().queues();
        let queue = queues.get(&namespace, &name).unwrap();
        assert_eq!(queue.settings().visibility_ms, 45_000);
        assert_eq!(queue.settings().tags["team"], "a");
        let target = queue.settings().dead_letter.clone().unwrap().target;
        assert!(queues.get(&namespace, &target).is_some());
        server.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_cap_are_refused_at_once() {
    let server = start(loader(Profile::Dev).toml("t", "[limits]\nconnections = 2")).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(TcpStream::connect(kafka(&server)).await.unwrap());
    }
    // Both are counted once they answer the third's refusal.
    let refused = async {
        loop {
            let mut third = TcpStream::connect(kafka(&server)).await.unwrap();
            if matches!(third.read(&mut [0; 1]).await, Ok(0) | Err(_)) {
                return;
            }
        }
    };
    timeout(PATIENCE, refused).await.unwrap();
    let status = get(&server, "/v1/status").await.json();
    assert_eq!(status["listeners"]["kafka"]["connections"], 2);
    assert_eq!(status["listeners"]["kafka"]["connections_max"], 2);
    drop(held);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_idle_clients_or_long_polls() {
    let server = start(loader(Profile::Dev).flag("--drain-timeout", "drain_timeout", "1h")).await.unwrap();
    assert_eq!(post(&server, "/v1/topics", &json!({ "name": "t" })).await.status, 201);
    let idle = TcpStream::connect(kafka(&server)).await.unwrap();
    assert_eq!(kafka_api_versions(kafka(&server)).await, Some(0));
    let addr = admin(&server);
    let follower = tokio::spawn(async move {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let head = format!(
            "POST /v1/topics/t/consume HTTP/1.1\r\nHost: {addr}\r\nContent-Length: 15\r\n\r\n{{\"follow\":true}}"
        );
        tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all).await;
        String::from_utf8(all).unwrap()
    });
    // Give the follower time to be parked; if it is not, the test is only weaker.
    tokio::time::sleep(Duration::from_millis(100)).await;
    timeout(PATIENCE, server.stop()).await.expect("stops long before the drain time-out").unwrap();
    let answer = timeout(PATIENCE, follower).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_asked_for_at_the_admin_port_and_anonymous_kafka_is_open() {
    let verifier = trine_net::auth::Verifier::of_password(b"secret", &[7; 16], trine_net::auth::ITERATIONS_MIN);
    let text = format!(
        "[listen]\nkafka = \"127.0.0.1:0,anonymous\"\naws = \"127.0.0.1:0\"\nredis = \"off\"\nadmin = \"127.0.0.1:0\"\n\
         [[user]]\nname = \"ann\"\npassword = \"{verifier}\"\n\
         grants = [{{ on = \"admin\", allow = [\"read\"] }}, {{ on = \"topic\", name = \"a*\", allow = [\"create\", \"read\"] }}]\n\
         [[user]]\nname = \"bob\"\npassword = \"{verifier}\"\n"
    );
    let server = start(Loader::new(Profile::Dev).toml("t", &text)).await.unwrap();
    let login = |who: &str| {
        use base64::Engine;
        format!("Authorization: Basic {}\r\n", base64::engine::general_purpose::STANDARD.encode(who))
    };
    let anonymous = get(&server, "/v1/topics").await;
    assert_eq!((anonymous.status, anonymous.json()["code"].as_str()), (401, Some("unauthenticated")));
    assert!(anonymous.head.to_ascii_lowercase().contains("www-authenticate: basic"));
    let as_user = async |who: &str, method: &str, path: &str, body: &str| {
        request(&server, method, path, &login(who), body).await.status
    };
    assert_eq!(as_user("ann:wrong", "GET", "/v1/topics", "").await, 401);
    assert_eq!(as_user("nobody:secret", "GET", "/v1/topics", "").await, 401);
    assert_eq!(as_user("bob:secret", "GET", "/v1/topics", "").await, 403, "no grant on admin");
    assert_eq!(as_user("ann:secret", "GET", "/v1/topics", "").await, 200);
    assert_eq!(as_user("ann:secret", "POST", "/v1/topics", r#"{"name":"abc"}"#).await, 201);
    assert_eq!(as_user("ann:secret", "POST", "/v1/topics", r#"{"name":"xyz"}"#).await, 403);
    assert_eq!(as_user("ann:secret", "DELETE", "/v1/topics/abc", "").await, 403);
    assert_eq!(as_user("ann:secret", "POST", "/v1/advertise", r#"{"kafka":"a:1"}"#).await, 403);
    assert_eq!(get(&server, "/livez").await.status, 200, "health needs no login");
    assert_eq!(kafka_api_versions(kafka(&server)).await, Some(0));
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_log_is_read_the_server_lives_and_is_not_ready() {
    let dir = tempfile::tempdir().unwrap();
    let fs = FaultyFs::default();
    fs.hold_lock(true);
    // The ports must be known before the server is there to be asked.
    let [kafka, admin] = [free_port(), free_port()];
    let text = format!(
        "[listen]\nkafka = \"127.0.0.1:{kafka}\"\nadmin = \"127.0.0.1:{admin}\"\naws = \"off\"\nredis = \"off\""
    );
    let loader = Loader::new(Profile::Serve).toml("t", &text).flag("--data", "data", dir.path().display().to_string());
    let env = Environment { fs: std::sync::Arc::new(fs.clone()), ..Environment::system() };
    let starting = tokio::spawn(Server::start(loader.build().unwrap(), env));
    let addr = SocketAddr::from(([127, 0, 0, 1], admin));
    let live = async {
        while TcpStream::connect(addr).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, live).await.unwrap();
    let status = async |path: &str| {
        let answer = request_at(addr, "GET", path, "", "").await;
        (answer.status, answer.body.contains("\"starting\""))
    };
    assert_eq!(status("/livez").await, (200, false));
    assert_eq!(status("/readyz").await, (503, true));
    assert_eq!(status("/v1/topics").await, (503, true));
    assert_eq!(status("/metrics").await, (503, true));
    let refused = TcpStream::connect(("127.0.0.1", kafka)).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused, "clients are not let in");
    fs.hold_lock(false);
    let server = timeout(PATIENCE, starting).await.unwrap().unwrap().unwrap();
    assert_eq!(status("/readyz").await, (200, false));
    server.stop().await.unwrap();
}

/// A port nobody listens on right now.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_is_never_a_success_and_ends_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let fs = FaultyFs::default();
    let on_disk = || loader(Profile::Serve).flag("--data", "data", dir.path().display().to_string());
    let env = Environment { fs: std::sync::Arc::new(fs.clone()), ..Environment::system() };
    let server = Server::start(on_disk().build().unwrap(), env).await.unwrap();
    assert_eq!(post(&server, "/v1/topics", &json!({ "name": "t" })).await.status, 201);
    let record = json!({ "records": [{ "body": "kept" }] });
    assert_eq!(post(&server, "/v1/topics/t/produce", &record).await.status, 200);
    fs.fail_syncs();
    let answer = post(&server, "/v1/topics/t/produce", &json!({ "records": [{ "body": "lost?" }] })).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (500, Some("unknown_outcome")));
    let reason = timeout(PATIENCE, server.failure()).await.expect("the server says that its store failed");
    assert!(reason.contains("the disk is broken"), "{reason}");
    assert!(server.stop().await.is_err(), "such a stop is not clean");

    let server = start(on_disk()).await.unwrap();
    let bodies: Vec<_> =
        post(&server, "/v1/topics/t/consume", &json!({})).await.lines().iter().map(|r| r["body"].clone()).collect();
    assert_eq!(bodies.first(), Some(&json!("kept")), "what was answered is there after a restart");
    server.stop().await.unwrap();
}
