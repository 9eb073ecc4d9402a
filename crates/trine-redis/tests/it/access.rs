//! Who may do what: logins over the configuration's users, and ACL.

use trine_broker::{Action, BrokerConfig, Grant, ResourceKind};
use trine_net::auth::{Users, Verifier};
use trine_redis::RedisConfig;

use super::common::{Client, Server};

const NOAUTH: &str = "-NOAUTH Authentication required.\r\n";
const WRONGPASS: &str = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";

/// ann may use channels under `news.`, root everything but channels.
async fn server() -> Server {
    let channel = |name: &str| Grant {
        on: ResourceKind::Channel,
        name: name.to_owned(),
        allow: vec![Action::Publish, Action::Subscribe],
    };
    let admin = Grant { on: ResourceKind::Admin, name: "*".to_owned(), allow: Vec::new() };
    let config = RedisConfig {
        users: vec![("ann".to_owned(), vec![channel("news.*")]), ("root".to_owned(), vec![admin, channel("*")])],
        ..RedisConfig::default()
    };
    let verifier = |password: &[u8]| Verifier::of_password(password, &[7; 16], 4096);
    let users = Users::new([("ann".to_owned(), verifier(b"secret")), ("root".to_owned(), verifier(b"toor"))]);
    Server::with_users(config, BrokerConfig::default(), 100, users).await
}

async fn login(server: &Server, user: &str, password: &str) -> Client {
    let mut client = server.client().await;
    client.exchange(format!("AUTH {user} {password}\r\n"), "+OK\r\n").await;
    client
}

#[tokio::test]
async fn strangers_may_only_say_who_they_are() {
    let server = server().await;
    let mut client = server.client().await;
    client.exchange("PING\r\n", NOAUTH).await;
    client.exchange("SUBSCRIBE a\r\n", NOAUTH).await;
    client.exchange("NOSUCH\r\n", "-ERR unknown command 'NOSUCH', with args beginning with: \r\n").await;
    client.exchange("PING a b\r\n", NOAUTH).await;
    client.exchange("ECHO\r\n", "-ERR wrong number of arguments for 'echo' command\r\n").await;
    client
        .exchange(
            "HELLO 3\r\n",
            "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be \
             used to authenticate the client and select the RESP protocol version at the same time\r\n",
        )
        .await;
    client.exchange("AUTH secret\r\n", WRONGPASS).await;
    client.exchange("AUTH ann wrong\r\n", WRONGPASS).await;
    client.exchange("AUTH nobody secret\r\n", WRONGPASS).await;
    client.exchange("RESET\r\n", "+RESET\r\n").await;
    // Every reply of a pipeline comes, and in order.
    client
        .exchange(
            "PING\r\nAUTH ann wrong\r\nPING\r\nAUTH ann secret\r\nPING\r\n",
            format!("{NOAUTH}{WRONGPASS}{NOAUTH}+OK\r\n+PONG\r\n"),
        )
        .await;
    client.exchange("ACL WHOAMI\r\n", "$3\r\nann\r\n").await;
    client.exchange("AUTH ann wrong\r\nACL WHOAMI\r\n", format!("{WRONGPASS}$3\r\nann\r\n")).await;
    client.exchange("RESET\r\nPING\r\n", format!("+RESET\r\n{NOAUTH}")).await;
    client.send("*2\r\n$4\r\nECHO\r\n$16385\r\n").await;
    assert_eq!(client.rest().await, b"-ERR Protocol error: unauthenticated bulk length\r\n");
}

#[tokio::test]
async fn hello_authenticates_and_switches_or_does_neither() {
    let server = server().await;
    let mut client = server.client().await;
    client.exchange("HELLO 3 AUTH ann wrong SETNAME x\r\n", WRONGPASS).await;
    client.exchange("PING\r\n", NOAUTH).await;
    client.send("HELLO 3 AUTH ann secret SETNAME x\r\n").await;
    client.read_until(b"$7\r\nmodules\r\n*0\r\n").await;
    client.exchange("ACL WHOAMI\r\nCLIENT GETNAME\r\nACL GETUSER x\r\n", "$3\r\nann\r\n$1\r\nx\r\n").await;
    client
        .exchange("PING\r\n", "-NOPERM User ann has no permissions to run the 'acl|getuser' command\r\n+PONG\r\n")
        .await;
}

#[tokio::test]
async fn grants_bind_publishers_and_subscribers() {
    let server = server().await;
    let mut ann = login(&server, "ann", "secret").await;
    let no_channel = "-NOPERM No permissions to access a channel\r\n";
    ann.exchange("PUBLISH news.1 m\r\n", ":0\r\n").await;
    ann.exchange("PUBLISH other m\r\n", no_channel).await;
    ann.exchange("SUBSCRIBE news.1 other\r\n", no_channel).await;
    ann.exchange("PSUBSCRIBE news.1*\r\n", no_channel).await;
    ann.exchange("CONFIG GET *\r\n", "-NOPERM User ann has no permissions to run the 'config|get' command\r\n").await;
    ann.exchange(
        "MULTI\r\nPUBLISH other m\r\nEXEC\r\n",
        format!("+OK\r\n{no_channel}-EXECABORT Transaction discarded because of previous errors.\r\n"),
    )
    .await;
    ann.exchange("PSUBSCRIBE news.*\r\n", "*3\r\n$10\r\npsubscribe\r\n$6\r\nnews.*\r\n:1\r\n").await;
    let mut root = login(&server, "root", "toor").await;
    root.send("ACL LOG 1\r\n").await;
    let entry = root.read_until(b"timestamp-last-updated\r\n").await;
    let entry = String::from_utf8(entry).unwrap();
    assert!(entry.contains("reason\r\n$7\r\nchannel\r\n$7\r\ncontext\r\n$5\r\nmulti\r\n$6\r\nobject\r\n$5\r\nother\r\n$8\r\nusername\r\n$3\r\nann"), "{entry}");
}

#[tokio::test]
async fn acl_changes_reach_open_connections() {
    let server = Server::start(2).await;
    let (mut admin, mut one, mut two) = (server.client().await, server.client().await, server.client().await);
    admin.exchange("ACL SETUSER bob on >pw &news.* &other +@all -client|id ~x*\r\n", "+OK\r\n").await;
    admin.exchange("ACL USERS\r\nACL GETUSER nobody\r\n", "*2\r\n$3\r\nbob\r\n$7\r\ndefault\r\n$-1\r\n").await;
    admin
        .exchange(
            "ACL GETUSER bob\r\n",
            "*12\r\n$5\r\nflags\r\n*1\r\n$2\r\non\r\n$9\r\npasswords\r\n*1\r\n$64\r\n\
             30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4\r\n$8\r\ncommands\r\n$16\r\n+@all -client|id\r\n\
             $4\r\nkeys\r\n$3\r\n~x*\r\n$8\r\nchannels\r\n$14\r\n&news.* &other\r\n$9\r\nselectors\r\n*0\r\n",
        )
        .await;
    for client in [&mut one, &mut two] {
        client.exchange("AUTH bob pw\r\n", "+OK\r\n").await;
        client
            .exchange("CLIENT ID\r\n", "-NOPERM User bob has no permissions to run the 'client|id' command\r\n")
            .await;
        client.exchange("DEL y\r\n", "-NOPERM No permissions to access a key\r\n").await;
    }
    one.exchange("SUBSCRIBE news.1\r\n", "*3\r\n$9\r\nsubscribe\r\n$6\r\nnews.1\r\n:1\r\n").await;
    two.exchange("SUBSCRIBE other\r\n", "*3\r\n$9\r\nsubscribe\r\n$5\r\nother\r\n:1\r\n").await;
    admin.exchange("ACL SETUSER bob resetchannels &news.*\r\n", "+OK\r\n").await;
    assert_eq!(two.rest().await, b"");
    one.exchange("PING\r\n", "*2\r\n$4\r\npong\r\n$0\r\n\r\n").await;
    one.exchange("SUBSCRIBE other\r\n", "-NOPERM No permissions to access a channel\r\n").await;
    for (args, why) in [
        ("bob client id", "User bob has no permissions to run the 'client|id' command"),
        ("bob publish a b", "User bob has no permissions to access the 'a' channel"),
        ("bob del a", "User bob has no permissions to access the 'a' key"),
    ] {
        admin.exchange(format!("ACL DRYRUN {args}\r\n"), format!("${}\r\n{why}\r\n", why.len())).await;
    }
    for (args, reply) in [
        ("bob publish news.x b", "+OK\r\n"),
        ("nobody ping x", "-ERR User 'nobody' not found\r\n"),
        ("bob nosuch x", "-ERR Command 'nosuch' not found\r\n"),
        ("bob publish x", "-ERR wrong number of arguments for 'publish' command\r\n"),
    ] {
        admin.exchange(format!("ACL DRYRUN {args}\r\n"), reply).await;
    }
    admin.exchange("ACL DELUSER nobody bob\r\n", ":1\r\n").await;
    assert_eq!(one.rest().await, b"");
    let mut three = server.client().await;
    three.exchange("AUTH bob pw\r\n", WRONGPASS).await;
}

#[tokio::test]
async fn acl_errors() {
    let server = Server::start(1).await;
    let mut client = server.client().await;
    for (request, reply) in [
        ("ACL", "-ERR wrong number of arguments for 'acl' command"),
        ("ACL foo", "-ERR unknown subcommand 'foo'. Try ACL HELP."),
        ("ACL WHOAMI x", "-ERR wrong number of arguments for 'acl|whoami' command"),
        ("ACL SETUSER bob foo", "-ERR Error in ACL SETUSER modifier 'foo': Syntax error"),
        ("ACL SETUSER \"a b\"", "-ERR Usernames can't contain spaces or null characters"),
        ("ACL DELUSER default", "-ERR The 'default' user cannot be removed"),
        ("ACL CAT nosuch", "-ERR Unknown category 'nosuch'"),
        ("ACL GENPASS x", "-ERR value is not an integer or out of range"),
        (
            "ACL GENPASS 0",
            "-ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096",
        ),
        ("ACL LOG x", "-ERR value is not an integer or out of range"),
        ("ACL LOG", "*0"),
        ("ACL LOG RESET", "+OK"),
    ] {
        client.exchange(format!("{request}\r\n"), format!("{reply}\r\n")).await;
    }
    client.send("ACL GENPASS 5\r\n").await;
    let password = client.read_until(b"\r\n").await;
    assert_eq!(password, b"$2\r\n");
    let password = client.read_until(b"\r\n").await;
    assert!(password.len() == 4 && password[..2].iter().all(u8::is_ascii_hexdigit));
}

#[tokio::test]
async fn requirepass_is_the_default_users_password() {
    let server = Server::start(1).await;
    let mut before = server.client().await;
    before.exchange("CONFIG SET requirepass pw\r\n", "+OK\r\n").await;
    before.exchange("PING\r\n", "+PONG\r\n").await;
    let mut after = server.client().await;
    after.exchange("PING\r\n", NOAUTH).await;
    after.exchange("AUTH wrong\r\n", WRONGPASS).await;
    after.exchange("AUTH pw\r\nPING\r\n", "+OK\r\n+PONG\r\n").await;
    before.exchange("CONFIG SET requirepass \"\"\r\n", "+OK\r\n").await;
    server.client().await.exchange("PING\r\n", "+PONG\r\n").await;
}
