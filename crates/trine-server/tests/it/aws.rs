//! The AWS port of a whole server.

use tokio::net::TcpListener;
use trine_net::HostPort;
use trine_server::{
    Environment, Server, StartError,
    config::{Listener, ListenerKind, Loader, Profile},
};

use crate::common::{dev, get, loader, request_at, start};

const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn anybody_is_answered_without_users() {
    let server = dev().await;
    let addr = server.addrs(ListenerKind::Aws)[0];
    let answer = request_at(addr, "POST", "/", FORM, WHO).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.contains("<Account>000000000000</Account>"), "{}", answer.body);
    assert_eq!(request_at(addr, "GET", "/_localstack/health", "", "").await.status, 200);
    let metrics = get(&server, "/metrics").await.body;
    assert!(metrics.contains("trine_aws_requests_total{action=\"GetCallerIdentity\"} 1"), "{metrics}");
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_users_a_signature_is_needed_unless_the_listener_says_otherwise() {
    let text = "[listen]\nkafka = \"off\"\nredis = \"off\"\nadmin = \"127.0.0.1:0\"\naws = [\"127.0.0.1:0\", \"127.0.0.1:0,anonymous\"]\n\
                [[user]]\nname = \"ann\"\naws = [{ access_key_id = \"AKIA1\", secret = \"s\" }]";
    let server = start(Loader::new(Profile::Dev).toml("t", text)).await.unwrap();
    let mut ports: Vec<_> = server.addrs(ListenerKind::Aws);
    ports.dedup_by_key(|addr| addr.port());
    let [checked, open] = ports[..] else { panic!("two ports: {ports:?}") };
    let refused = request_at(checked, "POST", "/", FORM, WHO).await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("<Code>MissingAuthenticationToken</Code>"), "{}", refused.body);
    assert_eq!(request_at(checked, "GET", "/_localstack/health", "", "").await.status, 401);
    assert_eq!(request_at(open, "POST", "/", FORM, WHO).await.status, 200);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    let text = format!(
        "[listen]\nkafka = \"off\"\nredis = \"off\"\nadmin = \"127.0.0.1:0\"\naws = \"127.0.0.1:0\"\n\
         [[user]]\nname = \"ann\"\naws = [{{ access_key_id = \"AKIA1\", secret_file = {file:?} }}]"
    );
    let try_start = || start(Loader::new(Profile::Dev).toml("t", &text));
    for (content, says) in [(None, "cannot read secret_file"), (Some("\nx\n"), "is empty")] {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let error = try_start().await.err().unwrap();
        assert!(matches!(error, StartError::Secret(_)));
        assert!(error.to_string().contains("AKIA1") && error.to_string().contains(says), "{error}");
    }
    std::fs::write(&file, "s\n").unwrap();
    try_start().await.unwrap().stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_port_that_nobody_asked_for_is_not_fatal() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let with = |optional| {
        let mut config = loader(Profile::Dev).build().unwrap();
        let addr = HostPort::new("127.0.0.1", port);
        config.listeners.push(Listener { kind: ListenerKind::Aws, addr, anonymous: false, optional });
        Server::start(config, Environment::system())
    };
    let server = with(true).await.unwrap();
    assert!(server.addrs(ListenerKind::Aws).iter().all(|addr| addr.port() != port));
    server.stop().await.unwrap();
    assert!(matches!(with(false).await, Err(StartError::Bind(_))));
}
