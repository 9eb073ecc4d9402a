//! The commands around pub-sub, byte for byte as Redis answers them.

use trine_redis::RedisConfig;

use super::common::{Server, encode};

/// Sends each line and reads each reply.
async fn script(resp3: bool, exchanges: &[(&str, &str)]) {
    let server = Server::start(1).await;
    let mut client = if resp3 { server.client3().await } else { server.client().await };
    for (request, reply) in exchanges {
        client.exchange(format!("{request}\r\n"), reply.replace('\n', "\r\n")).await;
    }
    client.expect_nothing().await;
}

#[tokio::test]
async fn connection() {
    let version = RedisConfig::default().redis_version;
    let hello = |proto: u8, head: &str| {
        format!(
            "{head}\n$6\nserver\n$5\nredis\n$7\nversion\n${}\n{version}\n$5\nproto\n:{proto}\n$2\nid\n:1\n$4\nmode\n$10\nstandalone\n$4\nrole\n\
             $6\nmaster\n$7\nmodules\n*0\n",
            version.len()
        )
    };
    script(false, &[
        ("PING", "+PONG\n"),
        ("PING a", "$1\na\n"),
        ("PING a b", "-ERR wrong number of arguments for 'ping' command\n"),
        ("ECHO", "-ERR wrong number of arguments for 'echo' command\n"),
        ("ECHO \"a\\r\\nb\"", "$4\na\nb\n"),
        ("SELECT 15", "+OK\n"),
        ("SELECT 16", "-ERR DB index is out of range\n"),
        ("SELECT -1", "-ERR DB index is out of range\n"),
        ("SELECT x", "-ERR value is not an integer or out of range\n"),
        ("HELLO", &hello(2, "*14")),
        ("HELLO 4", "-NOPROTO unsupported protocol version\n"),
        ("HELLO x", "-ERR Protocol version is not an integer or out of range\n"),
        ("HELLO 3 FOO", "-ERR Syntax error in HELLO option 'FOO'\n"),
        ("HELLO 2 AUTH a", "-ERR Syntax error in HELLO option 'AUTH'\n"),
        ("HELLO 2 AUTH a b", "-WRONGPASS invalid username-password pair or user is disabled.\n"),
        ("HELLO 2 SETNAME", "-ERR Syntax error in HELLO option 'SETNAME'\n"),
        ("HELLO 3 SETNAME \"a b\"", "-ERR Client names cannot contain spaces, newlines or special characters.\n"),
        ("CLIENT GETNAME", "$-1\n"),
        ("HELLO 3 SETNAME x AUTH default y", &hello(3, "%7")),
        ("CLIENT GETNAME", "$1\nx\n"),
        ("HELLO 2", &hello(2, "*14")),
        (
            "AUTH x",
            "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?\n",
        ),
        ("AUTH a b", "-WRONGPASS invalid username-password pair or user is disabled.\n"),
        ("AUTH a b c", "-ERR syntax error\n"),
        ("AUTH default z", "+OK\n"),
        ("RESET x", "-ERR wrong number of arguments for 'reset' command\n"),
        ("RESET", "+RESET\n"),
        ("CLIENT GETNAME", "$-1\n"),
    ])
    .await;
}

#[tokio::test]
async fn quit_answers_and_closes_and_nothing_after_it_runs() {
    let server = Server::start(1).await;
    let mut client = server.client().await;
    client.send("PING\r\nQUIT now\r\nPING\r\n").await;
    assert_eq!(client.rest().await, b"+PONG\r\n+OK\r\n");
}

#[tokio::test]
async fn unknown_commands_are_those_of_redis() {
    let server = Server::start(1).await;
    let mut client = server.client().await;
    for (args, reply) in [
        (&["nosuch"][..], "-ERR unknown command 'nosuch', with args beginning with: \r\n".to_owned()),
        (&["GET", "a"], "-ERR unknown command 'GET', with args beginning with: 'a' \r\n".to_owned()),
        (&["blpop", "a", "0"], "-ERR unknown command 'blpop', with args beginning with: 'a' '0' \r\n".to_owned()),
        (&["", ""], "-ERR unknown command '', with args beginning with: '' \r\n".to_owned()),
        (&["a\nb", "x\ry"], "-ERR unknown command 'a b', with args beginning with: 'x y' \r\n".to_owned()),
        (&["a\0b", "x\0y"], "-ERR unknown command 'a', with args beginning with: 'x' \r\n".to_owned()),
        (
            &[&"f".repeat(200), &"x".repeat(120), "yyyyyyyyyyyyy", "z"],
            format!(
                "-ERR unknown command '{}', with args beginning with: '{}' 'yyyyy' \r\n",
                "f".repeat(128),
                "x".repeat(120)
            ),
        ),
        (&["client", "foo"], "-ERR unknown subcommand 'foo'. Try CLIENT HELP.\r\n".to_owned()),
        (&["CLIENT", "a\nb"], "-ERR unknown subcommand 'a b'. Try CLIENT HELP.\r\n".to_owned()),
        (&["client"], "-ERR wrong number of arguments for 'client' command\r\n".to_owned()),
        (&["pubsub", "numpat", "x"], "-ERR wrong number of arguments for 'pubsub|numpat' command\r\n".to_owned()),
        (
            &["PubSub", "channels", "a", "b"],
            "-ERR unknown subcommand or wrong number of arguments for 'channels'. Try PUBSUB HELP.\r\n".to_owned(),
        ),
        (
            &["client", "maint_notifications", "on"],
            "-ERR unknown subcommand 'maint_notifications'. Try CLIENT HELP.\r\n".to_owned(),
        ),
        (&["client", "capa", "redirect"], "-ERR unknown subcommand 'capa'. Try CLIENT HELP.\r\n".to_owned()),
    ] {
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        client.exchange(encode(&args), reply).await;
    }
}

#[tokio::test]
async fn http_is_closed_without_a_word() {
    let server = Server::start(1).await;
    for request in ["POST / HTTP/1.1\r\nHost: x\r\n\r\nPUBLISH a b\r\n", "Host: x\r\n"] {
        let mut client = server.client().await;
        client.send(request).await;
        assert_eq!(client.rest().await, b"");
    }
    let mut client = server.client().await;
    client
        .exchange("GET / HTTP/1.1\r\n", "-ERR unknown command 'GET', with args beginning with: '/' 'HTTP/1.1' \r\n")
        .await;
}

#[tokio::test]
async fn client_subcommands() {
    script(false, &[
        ("CLIENT ID", ":1\n"),
        ("CLIENT SETNAME \"a b\"", "-ERR Client names cannot contain spaces, newlines or special characters.\n"),
        ("CLIENT SETNAME abc", "+OK\n"),
        ("CLIENT GETNAME", "$3\nabc\n"),
        ("CLIENT SETNAME \"\"", "+OK\n"),
        ("CLIENT GETNAME", "$-1\n"),
        ("CLIENT SETINFO LIB-NAME redis-py", "+OK\n"),
        ("CLIENT SETINFO foo x", "-ERR Unrecognized option 'foo'\n"),
        ("CLIENT SETINFO lib-name \"a b\"", "-ERR lib-name cannot contain spaces, newlines or special characters.\n"),
        ("CLIENT SETINFO Lib-Ver \"a b\"", "-ERR lib-ver cannot contain spaces, newlines or special characters.\n"),
        ("CLIENT LIST TYPE foo", "-ERR Unknown client type 'foo'\n"),
        ("CLIENT LIST ID x", "-ERR Invalid client ID\n"),
        ("CLIENT LIST ID", "-ERR syntax error\n"),
        ("CLIENT LIST foo", "-ERR syntax error\n"),
        ("CLIENT LIST TYPE master", "$0\n\n"),
        ("CLIENT LIST ID 999", "$0\n\n"),
        ("CLIENT KILL foo", "-ERR No such client\n"),
        ("CLIENT KILL ID 0", "-ERR client-id should be greater than 0\n"),
        ("CLIENT KILL ID x", "-ERR client-id should be greater than 0\n"),
        ("CLIENT KILL USER x", "-ERR No such user 'x'\n"),
        ("CLIENT KILL TYPE foo", "-ERR Unknown client type 'foo'\n"),
        ("CLIENT KILL SKIPME foo", "-ERR syntax error\n"),
        ("CLIENT KILL FOO bar", "-ERR syntax error\n"),
        ("CLIENT KILL ID 99 LADDR", "-ERR syntax error\n"),
        ("CLIENT KILL ID 99", ":0\n"),
        ("CLIENT KILL ID 1", ":0\n"),
        ("CLIENT REPLY foo", "-ERR syntax error\n"),
        ("CLIENT REPLY on", "+OK\n"),
        ("CLIENT NO-EVICT foo", "-ERR syntax error\n"),
        ("CLIENT NO-EVICT on", "+OK\n"),
        ("CLIENT NO-TOUCH on", "+OK\n"),
        ("CLIENT PAUSE x", "-ERR timeout is not an integer or out of range\n"),
        ("CLIENT PAUSE 1 foo", "-ERR CLIENT PAUSE mode must be WRITE or ALL\n"),
        ("CLIENT PAUSE -1", "-ERR timeout is negative\n"),
        ("CLIENT PAUSE 1", "+OK\n"),
        ("CLIENT UNPAUSE", "+OK\n"),
        ("CLIENT UNBLOCK x", "-ERR value is not an integer or out of range\n"),
        ("CLIENT UNBLOCK 4", ":0\n"),
        ("CLIENT UNBLOCK 4 foo", "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\n"),
        ("CLIENT GETREDIR", ":-1\n"),
        ("CLIENT TRACKINGINFO", "*6\n$5\nflags\n*1\n$3\noff\n$8\nredirect\n:-1\n$8\nprefixes\n*0\n"),
        ("CLIENT TRACKING foo", "-ERR syntax error\n"),
        ("CLIENT TRACKING on FOO", "-ERR syntax error\n"),
        ("CLIENT TRACKING on REDIRECT 999", "-ERR The client ID you want redirect to does not exist\n"),
        (
            "CLIENT CACHING yes",
            "-ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled\n",
        ),
        ("CLIENT TRACKING on", "+OK\n"),
        ("CLIENT GETREDIR", ":0\n"),
        ("CLIENT CACHING yes", "-ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.\n"),
        ("CLIENT TRACKING on OPTIN", "+OK\n"),
        ("CLIENT CACHING yes", "+OK\n"),
        ("CLIENT TRACKING off", "+OK\n"),
    ])
    .await;
}

#[tokio::test]
async fn replies_can_be_silenced_but_not_messages() {
    let server = Server::start(1).await;
    let mut client = server.client().await;
    client.send("CLIENT REPLY SKIP\r\nPING\r\n").await;
    client.exchange("PING 1\r\n", "$1\r\n1\r\n").await;
    client.send("CLIENT REPLY OFF\r\nPING\r\nNOSUCH\r\nCLIENT REPLY SKIP\r\nPING\r\n").await;
    client.exchange("SUBSCRIBE a\r\n", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n").await;
    server.client().await.exchange("PUBLISH a m\r\n", ":1\r\n").await;
    client.expect("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nm\r\n").await;
    client.exchange("UNSUBSCRIBE\r\n", "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n").await;
    client.exchange("CLIENT REPLY ON\r\n", "+OK\r\n").await;
}

#[tokio::test]
async fn a_client_can_be_killed_also_by_itself() {
    let server = Server::start(2).await;
    // One after the other: which of two connections gets the lower number is up to their workers.
    let mut one = server.client().await;
    one.exchange("CLIENT ID\r\n", ":1\r\n").await;
    let mut two = server.client().await;
    two.exchange("CLIENT ID\r\n", ":2\r\n").await;
    two.exchange("CLIENT KILL ID 1 TYPE pubsub\r\n", ":0\r\n").await;
    two.exchange("CLIENT KILL ID 1\r\n", ":1\r\n").await;
    assert_eq!(one.rest().await, b"");
    let addr = two.stream.local_addr().unwrap();
    two.send(format!("CLIENT KILL ID 2\r\nCLIENT KILL {addr}\r\nPING\r\n")).await;
    assert_eq!(two.rest().await, b":0\r\n+OK\r\n");
    let mut three = server.client().await;
    three.send("CLIENT KILL TYPE normal SKIPME no\r\nPING\r\n").await;
    assert!(three.rest().await.starts_with(b":"));
}

#[tokio::test]
async fn subscribed_mode_of_resp2() {
    let only = "only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context";
    script(
        false,
        &[
            ("SSUBSCRIBE a", "*3\n$10\nssubscribe\n$1\na\n:1\n"),
            ("PING", "*2\n$4\npong\n$0\n\n"),
            ("PING a", "*2\n$4\npong\n$1\na\n"),
            ("PING a b", "-ERR wrong number of arguments for 'ping' command\n"),
            ("CLIENT ID", &format!("-ERR Can't execute 'client|id': {only}\n")),
            ("HELLO 3", &format!("-ERR Can't execute 'hello': {only}\n")),
            ("PUBLISH a b", &format!("-ERR Can't execute 'publish': {only}\n")),
            ("EXEC", &format!("-EXECABORT Transaction discarded because of: Can't execute 'exec': {only}\n")),
            ("GET a", "-ERR unknown command 'GET', with args beginning with: 'a' \n"),
            ("ECHO", "-ERR wrong number of arguments for 'echo' command\n"),
            ("SUNSUBSCRIBE", "*3\n$12\nsunsubscribe\n$1\na\n:0\n"),
            ("PING", "+PONG\n"),
            ("SUBSCRIBE a", "*3\n$9\nsubscribe\n$1\na\n:1\n"),
            ("RESET", "+RESET\n"),
            ("PUBLISH a b", ":0\n"),
        ],
    )
    .await;
}

#[tokio::test]
async fn transactions_and_refused_commands() {
    script(false, &[
        ("EXEC a", "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\n"),
        ("MULTI", "+OK\n"),
        ("FOO", "-ERR unknown command 'FOO', with args beginning with: \n"),
        ("EXEC", "-EXECABORT Transaction discarded because of previous errors.\n"),
        ("MULTI", "+OK\n"),
        ("SHUTDOWN", "-ERR Command not allowed inside a transaction\n"),
        ("PING", "+QUEUED\n"),
        ("DISCARD", "+OK\n"),
        ("MULTI", "+OK\n"),
        ("MONITOR", "+QUEUED\n"),
        ("CLUSTER INFO", "+QUEUED\n"),
        ("AUTH nobody x", "+QUEUED\n"),
        ("SELECT 3", "+QUEUED\n"),
        (
            "EXEC",
            "*4\n-ERR MONITOR isn't allowed for DENY BLOCKING client\n-ERR This instance has cluster support disabled\n\
             -WRONGPASS invalid username-password pair or user is disabled.\n+OK\n",
        ),
        ("MULTI", "+OK\n"),
        ("RESET", "+RESET\n"),
        ("EXEC", "-ERR EXEC without MULTI\n"),
    ])
    .await;
}

#[tokio::test]
async fn probes_see_an_empty_database() {
    script(false, &[
        ("DBSIZE", ":0\n"),
        ("EXISTS a b", ":0\n"),
        ("DEL a", ":0\n"),
        ("UNLINK a", ":0\n"),
        ("KEYS *", "*0\n"),
        ("SCAN 0", "*2\n$1\n0\n*0\n"),
        ("SCAN 0 MATCH * COUNT 10 TYPE string", "*2\n$1\n0\n*0\n"),
        ("SCAN x", "-ERR invalid cursor\n"),
        ("SCAN 0 COUNT 0", "-ERR syntax error\n"),
        ("SCAN 0 COUNT x", "-ERR value is not an integer or out of range\n"),
        ("SCAN 0 FOO", "-ERR syntax error\n"),
        ("TTL a", ":-2\n"),
        ("TYPE a", "+none\n"),
        ("XRANGE a.__.check.stream 0-0 0-0", "*0\n"),
        ("FLUSHALL", "+OK\n"),
        ("FLUSHALL foo", "-ERR syntax error\n"),
        ("FLUSHALL ASYNC", "+OK\n"),
        ("FLUSHDB SYNC x", "-ERR syntax error\n"),
        ("SCRIPT FLUSH", "+OK\n"),
        ("SCRIPT FLUSH foo", "-ERR SCRIPT FLUSH only support SYNC|ASYNC option\n"),
        ("SCRIPT EXISTS a b", "*2\n:0\n:0\n"),
        ("FUNCTION FLUSH SYNC", "+OK\n"),
        ("FUNCTION FLUSH foo", "-ERR FUNCTION FLUSH only supports SYNC|ASYNC option\n"),
        ("FUNCTION LIST", "*0\n"),
        ("WAIT 0 0", ":0\n"),
        ("WAIT x 0", "-ERR value is not an integer or out of range\n"),
        ("WAIT 0 x", "-ERR timeout is not an integer or out of range\n"),
        ("WAIT 0 -1", "-ERR timeout is negative\n"),
        ("ROLE", "*3\n$6\nmaster\n:0\n*0\n"),
        ("MEMORY USAGE a", "$-1\n"),
        ("MEMORY PURGE", "+OK\n"),
        ("SLOWLOG LEN", ":0\n"),
        ("SLOWLOG GET", "*0\n"),
        ("SLOWLOG RESET", "+OK\n"),
        ("LATENCY LATEST", "*0\n"),
        ("LATENCY RESET", ":0\n"),
        ("LATENCY HISTORY x", "*0\n"),
        ("MODULE LIST", "*0\n"),
        ("READONLY", "-ERR This instance has cluster support disabled\n"),
        ("READWRITE", "-ERR This instance has cluster support disabled\n"),
        ("ASKING", "-ERR This instance has cluster support disabled\n"),
        ("CLUSTER NODES", "-ERR This instance has cluster support disabled\n"),
        ("CLUSTER HELP", "-ERR This instance has cluster support disabled\n"),
        ("CLUSTER ADDSLOTS 1", "-ERR This instance has cluster support disabled\n"),
        ("CLUSTER foo", "-ERR unknown subcommand 'foo'. Try CLUSTER HELP.\n"),
        ("CLUSTER", "-ERR wrong number of arguments for 'cluster' command\n"),
        ("SHUTDOWN foo", "-ERR syntax error\n"),
        ("SHUTDOWN NOSAVE", "-ERR SHUTDOWN is not supported by Trine, which also serves other protocols: send SIGTERM to its process\n"),
    ])
    .await;
    script(true, &[("MEMORY USAGE a", "_\n"), ("LATENCY HISTOGRAM", "%0\n"), ("CLIENT LIST ID 999", "=4\ntxt:\n")])
        .await;
}

#[tokio::test]
async fn monitors_see_commands_after_their_replies_and_no_passwords() {
    let server = Server::start(1).await;
    let mut client = server.client().await;
    client.exchange("MONITOR\r\n", "+OK\r\n").await;
    let mut see = async |request: &[&[u8]], reply: &[u8], shown: &str| {
        client.exchange(encode(request), reply).await;
        let line = String::from_utf8(client.read_until(b"\r\n").await).unwrap();
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.starts_with('+') && time[1..].parse::<f64>().unwrap() > 1e9, "{line}");
        let (from, rest) = rest.split_once("] ").unwrap();
        assert!(from.starts_with("[0 127.0.0.1:"), "{line}");
        assert_eq!(rest, format!("{shown}\r\n"));
    };
    see(&[b"PING"], b"+PONG\r\n", "\"PING\"").await;
    see(&[b"echo", b"a\"b\\"], b"$4\r\na\"b\\\r\n", r#""echo" "a\"b\\""#).await;
    see(&[b"ECHO", b"\0\n\t\x07\xff"], b"$5\r\n\0\n\t\x07\xff\r\n", r#""ECHO" "\x00\n\t\a\xff""#).await;
    see(&[b"AUTH", b"default", b"pw"], b"+OK\r\n", r#""AUTH" "(redacted)" "(redacted)""#).await;
    // Commands of administrators are not shown.
    client.exchange("CLIENT UNPAUSE\r\nRESET\r\n", "+OK\r\n+RESET\r\n").await;
    client.expect_nothing().await;
}
