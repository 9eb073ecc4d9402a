//! With `redis.cluster = true`: one node that serves every slot.

use trine_broker::BrokerConfig;
use trine_redis::RedisConfig;

use super::common::{Client, Server};

async fn server() -> (Server, Client) {
    let config = RedisConfig { cluster: true, ..RedisConfig::default() };
    let server = Server::with(config, BrokerConfig::default(), 100).await;
    let client = server.client().await;
    (server, client)
}

#[tokio::test]
async fn the_node_describes_itself() {
    let (server, mut client) = server().await;
    let port = server.addr.port();
    client.send("CLUSTER MYID\r\n").await;
    client.expect("$40\r\n").await;
    let id = client.read_until(b"\r\n").await;
    let id = String::from_utf8(id).unwrap().trim_end().to_owned();
    assert_eq!(id.len(), 40);
    client
        .exchange(
            "CLUSTER SLOTS\r\n",
            format!("*1\r\n*3\r\n:0\r\n:16383\r\n*4\r\n$9\r\n127.0.0.1\r\n:{port}\r\n$40\r\n{id}\r\n*0\r\n"),
        )
        .await;
    client
        .exchange(
            "CLUSTER SHARDS\r\n",
            format!(
                "*1\r\n*4\r\n$5\r\nslots\r\n*2\r\n:0\r\n:16383\r\n$5\r\nnodes\r\n*1\r\n*14\r\n$2\r\nid\r\n$40\r\n{id}\r\n$4\r\nport\r\n:{port}\r\n\
                 $2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n\
                 :0\r\n$6\r\nhealth\r\n$6\r\nonline\r\n"
            ),
        )
        .await;
    let bus = port.checked_add(10_000).unwrap_or(0);
    let line = format!("{id} 127.0.0.1:{port}@{bus} myself,master - 0 0 1 connected 0-16383\n");
    client.exchange("CLUSTER NODES\r\n", format!("${}\r\n{line}\r\n", line.len())).await;
    client.send("CLUSTER INFO\r\n").await;
    let info = client.read_until(b"limit_exceeded:0\r\n\r\n").await;
    let info = String::from_utf8(info).unwrap();
    assert!(info.contains("\r\ncluster_state:ok\r\ncluster_slots_assigned:16384\r\n"), "{info}");
    client.exchange(format!("CLUSTER REPLICAS {id}\r\nCLUSTER REPLICAS x\r\n"), "*0\r\n-ERR Unknown node x\r\n").await;
}

#[tokio::test]
async fn slots_bind_the_shard_family() {
    let (_server, mut client) = server().await;
    let cross = "-CROSSSLOT Keys in request don't hash to the same slot\r\n";
    for (request, reply) in [
        ("CLUSTER KEYSLOT foo", ":12182\r\n"),
        ("CLUSTER KEYSLOT {foo}bar", ":12182\r\n"),
        ("CLUSTER COUNTKEYSINSLOT 0", ":0\r\n"),
        ("CLUSTER COUNTKEYSINSLOT 16384", "-ERR Invalid slot\r\n"),
        ("CLUSTER COUNTKEYSINSLOT x", "-ERR value is not an integer or out of range\r\n"),
        ("CLUSTER GETKEYSINSLOT 0 10", "*0\r\n"),
        ("READONLY", "+OK\r\n"),
        ("READWRITE", "+OK\r\n"),
        ("ASKING", "+OK\r\n"),
        ("SELECT 1", "-ERR SELECT is not allowed in cluster mode\r\n"),
        ("SELECT 0", "+OK\r\n"),
        ("SPUBLISH a b", ":0\r\n"),
        ("DEL a b", cross),
        ("MULTI", "+OK\r\n"),
        ("SPUBLISH a b", "+QUEUED\r\n"),
        ("SPUBLISH b b", "+QUEUED\r\n"),
        ("EXEC", cross),
        ("EXEC", "-ERR EXEC without MULTI\r\n"),
        ("MULTI", "+OK\r\n"),
        ("SSUBSCRIBE a b", cross),
        ("EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n"),
        ("SSUBSCRIBE a b", cross),
        (
            "SSUBSCRIBE {x}a {x}b",
            "*3\r\n$10\r\nssubscribe\r\n$4\r\n{x}a\r\n:1\r\n*3\r\n$10\r\nssubscribe\r\n$4\r\n{x}b\r\n:2\r\n",
        ),
        ("SUNSUBSCRIBE a b", cross),
        ("SUBSCRIBE a b", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n"),
    ] {
        client.exchange(format!("{request}\r\n"), reply).await;
    }
}
