//! COMMAND, CONFIG, INFO and HELP: what clients read before they trust a server.

use super::common::{Client, Server};

/// Reads one bulk or verbatim string.
async fn text(client: &mut Client, request: &str) -> String {
    client.send(format!("{request}\r\n")).await;
    let head = client.read_until(b"\r\n").await;
    let head = String::from_utf8(head).unwrap();
    let len: usize = head.trim_start_matches(['$', '=']).trim_end().parse().unwrap();
    let mut text = Vec::new();
    while text.len() < len + 2 {
        text.extend(client.read_until(b"\n").await);
    }
    text.truncate(len);
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn command_info_is_an_entry_of_ten() {
    let server = Server::start(1).await;
    let mut client = server.client3().await;
    client
        .exchange(
            "COMMAND INFO SPUBLISH nosuch\r\n",
            "*2\r\n*10\r\n$8\r\nspublish\r\n:3\r\n~4\r\n+pubsub\r\n+loading\r\n+stale\r\n+fast\r\n:1\r\n:1\r\n:1\r\n~2\r\n+@pubsub\r\n+@fast\r\n~0\r\n\
             ~1\r\n%3\r\n$5\r\nflags\r\n~1\r\n+not_key\r\n$12\r\nbegin_search\r\n%2\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n%1\r\n$5\r\nindex\r\n\
             :1\r\n$9\r\nfind_keys\r\n%2\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n%3\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\n\
             limit\r\n:0\r\n~0\r\n_\r\n",
        )
        .await;
    let mut client = server.client().await;
    client
        .exchange(
            "COMMAND INFO client|id\r\n",
            "*1\r\n*10\r\n$9\r\nclient|id\r\n:2\r\n*3\r\n+noscript\r\n+loading\r\n+stale\r\n:0\r\n:0\r\n:0\r\n*2\r\n+@slow\r\n+@connection\r\n*0\r\n\
             *0\r\n*0\r\n",
        )
        .await;
    client.send("COMMAND COUNT\r\n").await;
    let count = String::from_utf8(client.read_until(b"\r\n").await).unwrap();
    let count: usize = count[1..].trim_end().parse().unwrap();
    client.send("COMMAND\r\n").await;
    client.expect(format!("*{count}\r\n*10\r\n")).await;
}

#[tokio::test]
async fn command_docs_list_and_getkeys() {
    let server = Server::start(1).await;
    let mut client = server.client().await;
    client
        .exchange(
            "COMMAND DOCS nosuch ping\r\n",
            "*2\r\n$4\r\nping\r\n*6\r\n$7\r\nsummary\r\n$32\r\nReplies with PONG or the message\r\n",
        )
        .await;
}

#[tokio::test]
async fn lists_and_keys_of_commands() {
    let server = Server::start(1).await;
    let mut client = server.client().await;
    for (request, reply) in [
        ("COMMAND LIST FILTERBY PATTERN sub*", "*1\r\n$9\r\nsubscribe\r\n"),
        ("COMMAND LIST FILTERBY MODULE x", "*0\r\n"),
        ("COMMAND LIST FILTERBY ACLCAT nosuch", "*0\r\n"),
        ("COMMAND LIST FOO", "-ERR syntax error\r\n"),
        ("COMMAND GETKEYS del a b", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
        (
            "COMMAND GETKEYSANDFLAGS del a b",
            "*2\r\n*2\r\n$1\r\na\r\n*2\r\n+RM\r\n+delete\r\n*2\r\n$1\r\nb\r\n*2\r\n+RM\r\n+delete\r\n",
        ),
        ("COMMAND GETKEYS memory usage k", "*1\r\n$1\r\nk\r\n"),
        ("COMMAND GETKEYS publish a b", "-ERR The command has no key arguments\r\n"),
        ("COMMAND GETKEYS spublish a b", "-ERR The command has no key arguments\r\n"),
        ("COMMAND GETKEYS nosuch a", "-ERR Invalid command specified\r\n"),
        ("COMMAND foo", "-ERR unknown subcommand 'foo'. Try COMMAND HELP.\r\n"),
    ] {
        client.exchange(format!("{request}\r\n"), reply).await;
    }
}

#[tokio::test]
async fn config() {
    let server = Server::start(1).await;
    let mut client = server.client().await;
    for (request, reply) in [
        ("CONFIG GET SAVE appendonl? save", "*4\r\n$4\r\nSAVE\r\n$0\r\n\r\n$10\r\nappendonly\r\n$2\r\nno\r\n"),
        ("CONFIG GET nosuch", "*0\r\n"),
        ("CONFIG GET databases timeout", "*4\r\n$9\r\ndatabases\r\n$2\r\n16\r\n$7\r\ntimeout\r\n$1\r\n0\r\n"),
        ("CONFIG SET foo bar", "-ERR Unknown option or number of arguments for CONFIG SET - 'foo'\r\n"),
        (
            "CONFIG SET maxclients abc",
            "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - argument couldn't be parsed into an integer\r\n",
        ),
        ("CONFIG SET timeout 0 x", "-ERR syntax error\r\n"),
        (
            "CONFIG SET timeout 0 timeout 1",
            "-ERR CONFIG SET failed (possibly related to argument 'timeout') - duplicate parameter\r\n",
        ),
        (
            "CONFIG SET databases 3",
            "-ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config\r\n",
        ),
        ("CONFIG SET Notify-Keyspace-Events Ex", "+OK\r\n"),
        ("CONFIG GET notify-*", "*2\r\n$22\r\nnotify-keyspace-events\r\n$2\r\nEx\r\n"),
        ("CONFIG RESETSTAT", "+OK\r\n"),
        ("CONFIG REWRITE", "-ERR The server is running without a config file\r\n"),
    ] {
        client.exchange(format!("{request}\r\n"), reply).await;
    }
    let mut client = server.client3().await;
    client.exchange("CONFIG GET save\r\nCONFIG GET nosuch\r\n", "%1\r\n$4\r\nsave\r\n$0\r\n\r\n%0\r\n").await;
}

#[tokio::test]
async fn info_has_what_programs_read() {
    let server = Server::start(1).await;
    let mut client = server.client().await;
    client.exchange("INFO nosuch\r\n", "$0\r\n\r\n").await;
    client.exchange("INFO Cluster\r\n", "$30\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n").await;
    let all = text(&mut client, "INFO").await;
    for field in [
        "redis_version:7.",
        "redis_mode:standalone",
        "arch_bits:64",
        "os:",
        "process_id:",
        "run_id:",
        "tcp_port:",
        "uptime_in_seconds:",
        "loading:0",
        "role:master",
        "connected_slaves:0",
        "master_repl_offset:0",
        "cluster_enabled:0",
        "connected_clients:1",
        "maxclients:",
        "blocked_clients:0",
        "pubsub_clients:0",
        "used_memory:",
        "maxmemory:0",
        "total_connections_received:1",
        "total_commands_processed:",
        "instantaneous_ops_per_sec:",
        "total_net_input_bytes:",
        "total_net_output_bytes:",
        "rejected_connections:0",
        "pubsub_channels:0",
        "pubsub_patterns:0",
        "pubsubshard_channels:0",
        "client_output_buffer_limit_disconnections:0",
        "client_query_buffer_limit_disconnections:0",
        "acl_access_denied_auth:0",
        "acl_access_denied_cmd:0",
        "acl_access_denied_channel:0",
        "total_error_replies:",
        "trine_version:",
    ] {
        assert!(all.contains(&format!("\r\n{field}")), "{field} is missing in {all}");
    }
    // Sections: a title, lines, and a blank line between two of them.
    assert!(all.starts_with("# Server\r\n") && all.contains("\r\n\r\n# Clients\r\n") && all.ends_with("\r\n"));
    let some = text(&mut client, "INFO keyspace replication").await;
    assert!(some.starts_with("# Replication\r\nrole:master\r\n") && some.ends_with("\r\n\r\n# Keyspace\r\n"), "{some}");
}

#[tokio::test]
async fn client_lists_are_lines_of_fields() {
    let server = Server::start(1).await;
    let mut client = server.client().await;
    client.exchange("CLIENT SETINFO lib-name x\r\nCLIENT SETNAME me\r\n", "+OK\r\n+OK\r\n").await;
    let line = text(&mut client, "CLIENT INFO").await;
    let addr = client.stream.local_addr().unwrap();
    let laddr = server.addr;
    assert!(line.starts_with(&format!("id=1 addr={addr} laddr={laddr} fd=")), "{line}");
    assert!(
        line.contains(" name=me age=") && line.contains(" flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 watch=0 "),
        "{line}"
    );
    assert!(line.ends_with(" cmd=client|info user=default redir=-1 resp=2 lib-name=x lib-ver=\n"), "{line}");
    let mut sub = server.client3().await;
    sub.exchange("SUBSCRIBE a\r\n", ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n").await;
    let lines = text(&mut client, "CLIENT LIST TYPE pubsub").await;
    assert!(
        lines.starts_with("id=2 ") && lines.contains(" flags=P db=0 sub=1 psub=0 ") && lines.lines().count() == 1,
        "{lines}"
    );
    let lines = text(&mut client, "CLIENT LIST ID 2 1 7").await;
    assert!(lines.starts_with("id=2 ") && lines.contains("\nid=1 ") && lines.lines().count() == 2, "{lines}");
    let total = |line: &str| -> usize {
        let (_, rest) = line.split_once(" tot-mem=").unwrap();
        rest.split(' ').next().unwrap().parse().unwrap()
    };
    let idle = total(&text(&mut client, "CLIENT INFO").await);
    assert!(idle > 0, "a connection takes memory");
    let mut queueing = server.client().await;
    queueing.exchange("MULTI\r\nPUBLISH a hello\r\n", "+OK\r\n+QUEUED\r\n").await;
    let line = text(&mut client, "CLIENT LIST ID 3").await;
    assert!(line.contains(" multi=1 ") && line.contains(" multi-mem=13 "), "{line}");
    assert_eq!(total(&line), idle + 13);
}

#[tokio::test]
async fn cpu_time_is_the_processes() {
    let server = Server::start(1).await;
    let mut client = server.client().await;
    let info = text(&mut client, "INFO cpu").await;
    let seconds = |name: &str| -> f64 {
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.parse().unwrap()
    };
    assert_eq!(seconds("used_cpu_sys_children") + seconds("used_cpu_user_children"), 0.0, "there are no children");
    assert!(seconds("used_cpu_sys") >= 0.0 && seconds("used_cpu_user") >= 0.0);
    assert_eq!(info.lines().filter(|line| line.starts_with("used_cpu_")).count(), 4);
}

#[tokio::test]
async fn help_is_an_array_of_simple_strings() {
    let server = Server::start(1).await;
    let mut client = server.client().await;
    client
        .exchange(
            "SLOWLOG HELP\r\n",
            "*9\r\n+SLOWLOG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n+GET [<count>]\r\n+    Returns no entries.\r\n+LEN\r\n\
             +    Returns 0.\r\n+RESET\r\n+    Accepted without effect.\r\n+HELP\r\n+    Prints this help.\r\n",
        )
        .await;
    for container in
        ["client", "acl", "config", "command", "memory", "latency", "module", "script", "function", "pubsub"]
    {
        client.send(format!("{container} help\r\n")).await;
        client.read_until(b"+HELP\r\n+    Prints this help.\r\n").await;
    }
}
