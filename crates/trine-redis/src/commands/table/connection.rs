//! Connections: who they are and how they speak.

use super::{help, sub};
use crate::commands::{
    Command, auth, category::CONNECTION as IN_CONNECTION, client, echo, flag, hello, help, ping, quit, reset, select,
};

const HANDSHAKE: u32 = flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::NO_AUTH | flag::ALLOW_BUSY;
const USUAL: u32 = flag::NOSCRIPT | flag::LOADING | flag::STALE;
const ADMIN: u32 = flag::ADMIN | USUAL;

pub(super) static CONNECTION: &[Command] = &[
    Command::new("auth", "[<username>] <password>", -2, HANDSHAKE, auth::auth)
        .in_categories(IN_CONNECTION)
        .about("1.0.0", "Says who the client is"),
    Command::container("client", CLIENT).about("2.4.0", "About connections"),
    Command::new("echo", "<message>", 2, flag::LOADING | flag::STALE | flag::FAST, echo::echo)
        .in_categories(IN_CONNECTION)
        .about("1.0.0", "Replies with the message"),
    Command::new("hello", "[<protover> [AUTH <username> <password>] [SETNAME <name>]]", -1, HANDSHAKE, hello::hello)
        .in_categories(IN_CONNECTION)
        .about("6.0.0", "Chooses RESP2 or RESP3 and describes the server"),
    Command::new("ping", "[<message>]", -1, flag::FAST, ping::ping)
        .in_categories(IN_CONNECTION)
        .with_tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .about("1.0.0", "Replies with PONG or the message"),
    Command::new("quit", "[<ignored> ...]", -1, HANDSHAKE, quit::quit)
        .in_categories(IN_CONNECTION)
        .about("1.0.0", "Closes the connection after the reply"),
    Command::new("reset", "", 1, HANDSHAKE, reset::reset)
        .in_categories(IN_CONNECTION)
        .about("6.2.0", "Makes the connection as it was when it was new"),
    Command::new("select", "<index>", 2, flag::LOADING | flag::STALE | flag::FAST, select::select)
        .in_categories(IN_CONNECTION)
        .about("1.0.0", "Accepts a database number; channels belong to none"),
];

static CLIENT: &[Command] = &[
    sub!("client", "caching", "<YES|NO>", 3, USUAL, client::tracking::caching)
        .in_categories(IN_CONNECTION)
        .about("6.0.0", "Accepted after CLIENT TRACKING with OPTIN or OPTOUT; there are no keys to cache"),
    sub!("client", "getname", "", 2, USUAL, client::names::getname)
        .in_categories(IN_CONNECTION)
        .about("2.6.9", "Returns the connection's name"),
    sub!("client", "getredir", "", 2, USUAL, client::tracking::getredir)
        .in_categories(IN_CONNECTION)
        .about("6.0.0", "Returns -1, or 0 after CLIENT TRACKING ON"),
    help!("client", "5.0.0").in_categories(IN_CONNECTION),
    sub!("client", "id", "", 2, USUAL, client::list::id)
        .in_categories(IN_CONNECTION)
        .about("5.0.0", "Returns the connection's number"),
    sub!("client", "info", "", 2, USUAL, client::list::info)
        .in_categories(IN_CONNECTION)
        .with_tips(&["nondeterministic_output"])
        .about("6.2.0", "Describes this connection"),
    sub!("client", "kill", "<addr:port> | <option> <value> [<option> <value> ...]", -3, ADMIN, client::kill::kill)
        .in_categories(IN_CONNECTION)
        .about("2.4.0", "Closes connections: ID, ADDR, LADDR, TYPE, USER, MAXAGE, SKIPME"),
    sub!("client", "list", "[TYPE <normal|master|replica|pubsub>] [ID <id> [<id> ...]]", -2, ADMIN, client::list::list)
        .in_categories(IN_CONNECTION)
        .with_tips(&["nondeterministic_output"])
        .about("2.4.0", "Describes connections"),
    sub!("client", "no-evict", "<ON|OFF>", 3, ADMIN, client::modes::no_evict)
        .in_categories(IN_CONNECTION)
        .about("7.0.0", "Cuts this connection off last when all outboxes together are too large"),
    sub!("client", "no-touch", "<ON|OFF>", 3, USUAL, client::modes::no_touch)
        .in_categories(IN_CONNECTION)
        .about("7.2.0", "Accepted; there are no keys to touch"),
    sub!("client", "pause", "<timeout> [WRITE|ALL]", -3, ADMIN, client::pause::pause)
        .in_categories(IN_CONNECTION)
        .about("3.0.0", "Accepted without effect"),
    sub!("client", "reply", "<ON|OFF|SKIP>", 3, USUAL, client::modes::reply)
        .in_categories(IN_CONNECTION)
        .about("3.2.0", "Silences the replies of this connection"),
    sub!("client", "setinfo", "<LIB-NAME|LIB-VER> <value>", 4, USUAL, client::names::setinfo)
        .in_categories(IN_CONNECTION)
        .about("7.2.0", "Names the client library"),
    sub!("client", "setname", "<name>", 3, USUAL, client::names::setname)
        .in_categories(IN_CONNECTION)
        .about("2.6.9", "Names the connection"),
    sub!(
        "client",
        "tracking",
        "<ON|OFF> [REDIRECT <id>] [PREFIX <prefix>] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
        -3,
        USUAL,
        client::tracking::tracking
    )
    .in_categories(IN_CONNECTION)
    .about("6.0.0", "Accepted; without keys nothing is ever invalidated"),
    sub!("client", "trackinginfo", "", 2, USUAL, client::tracking::trackinginfo)
        .in_categories(IN_CONNECTION)
        .about("6.2.0", "Tells what CLIENT TRACKING was told"),
    sub!("client", "unblock", "<id> [TIMEOUT|ERROR]", -3, ADMIN, client::pause::unblock)
        .in_categories(IN_CONNECTION)
        .about("5.0.0", "Returns 0: no command blocks"),
    sub!("client", "unpause", "", 2, ADMIN, client::pause::unpause)
        .in_categories(IN_CONNECTION)
        .about("6.2.0", "Accepted without effect"),
];
