//! The server: users, settings, figures.

use super::{help, sub};
use crate::commands::{
    Command, acl, category, command_family, config, debug, flag, flush, help, info, keyspace, lastsave, latency,
    lolwut, memory, module, monitor, role, shutdown, slowlog, time,
};

const READ: u32 = flag::LOADING | flag::STALE;
const USUAL: u32 = flag::NOSCRIPT | READ;
const ADMIN: u32 = flag::ADMIN | USUAL;
const IN_CONNECTION: u32 = category::CONNECTION;
const ANY_OUTPUT: &[&str] = &["nondeterministic_output"];
const ANY_ORDER: &[&str] = &["nondeterministic_output_order"];
const ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];
const ALL_SHARDS: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];
const SPECIAL: &[&str] = &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"];
const SPECIAL_SHARDS: &[&str] = &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"];

pub(super) static SERVER: &[Command] = &[
    Command::container("acl", ACL).about("6.0.0", "About users"),
    Command::new("command", "[<subcommand> [<arg> ...]]", -1, READ, command_family::entries::command)
        .with_subcommands(COMMAND)
        .in_categories(IN_CONNECTION)
        .with_tips(ANY_ORDER)
        .about("2.8.13", "Describes all commands"),
    Command::container("config", CONFIG).about("2.0.0", "About settings"),
    Command::new("dbsize", "", 1, flag::READONLY | flag::FAST, keyspace::dbsize)
        .in_categories(category::KEYSPACE)
        .with_tips(&["request_policy:all_shards", "response_policy:agg_sum"])
        .about("1.0.0", "Returns 0: there are no keys"),
    Command::new("debug", "<subcommand> [<arg> ...]", -2, ADMIN, debug::debug).about("1.0.0", "Refused"),
    Command::new("flushall", "[ASYNC|SYNC]", -1, flag::WRITE, flush::flush)
        .in_categories(category::KEYSPACE | category::DANGEROUS)
        .with_tips(ALL_SHARDS)
        .about("1.0.0", "Accepted; there are no keys to remove"),
    Command::new("flushdb", "[ASYNC|SYNC]", -1, flag::WRITE, flush::flush)
        .in_categories(category::KEYSPACE | category::DANGEROUS)
        .with_tips(ALL_SHARDS)
        .about("1.0.0", "Accepted; there are no keys to remove"),
    Command::new("info", "[<section> ...]", -1, READ, info::info)
        .in_categories(category::DANGEROUS)
        .with_tips(SPECIAL_SHARDS)
        .about("1.0.0", "Tells about the server"),
    Command::new("lastsave", "", 1, READ | flag::FAST, lastsave::lastsave)
        .in_categories(category::ADMIN | category::DANGEROUS)
        .with_tips(ANY_OUTPUT)
        .about("1.0.0", "Returns when the server started"),
    Command::container("latency", LATENCY).about("2.8.13", "Latencies, which are not recorded"),
    Command::new("lolwut", "[VERSION <version> [<arg> ...]]", -1, flag::READONLY | flag::FAST, lolwut::lolwut)
        .about("5.0.0", "Returns the version"),
    Command::container("memory", MEMORY).about("4.0.0", "About memory"),
    Command::container("module", MODULE).about("4.0.0", "Modules, of which there are none"),
    Command::new("monitor", "", 1, ADMIN, monitor::monitor).about("1.0.0", "Shows every command as it is carried out"),
    Command::new("role", "", 1, USUAL | flag::FAST, role::role)
        .in_categories(category::ADMIN | category::DANGEROUS)
        .about("2.8.12", "Returns that this is a master without replicas"),
    Command::new(
        "shutdown",
        "[NOSAVE|SAVE] [NOW] [FORCE] [ABORT]",
        -1,
        ADMIN | flag::NO_MULTI | flag::ALLOW_BUSY,
        shutdown::shutdown,
    )
    .about("1.0.0", "Refused: stop the process with SIGTERM"),
    Command::container("slowlog", SLOWLOG).about("2.2.12", "Slow commands, which are not recorded"),
    Command::new("time", "", 1, READ | flag::FAST, time::time)
        .with_tips(ANY_OUTPUT)
        .about("2.6.0", "Returns the server's time, with milliseconds"),
];

static ACL: &[Command] = &[
    sub!("acl", "cat", "[<category>]", -2, USUAL, acl::cat::cat)
        .about("6.0.0", "Lists categories, or the commands of one"),
    sub!("acl", "deluser", "<username> [<username> ...]", -3, ADMIN, acl::deluser::deluser)
        .about("6.0.0", "Removes users until the server starts again, and closes their connections"),
    sub!("acl", "dryrun", "<username> <command> [<arg> ...]", -4, ADMIN, acl::dryrun::dryrun)
        .about("7.0.0", "Tells whether a user may run a command"),
    sub!("acl", "genpass", "[<bits>]", -2, USUAL, acl::genpass::genpass).about("6.0.0", "Makes a password"),
    sub!("acl", "getuser", "<username>", 3, ADMIN, acl::getuser::getuser).about("6.0.0", "Describes a user"),
    help!("acl", "6.0.0"),
    sub!("acl", "list", "", 2, ADMIN, acl::list::list).about("6.0.0", "Describes all users"),
    sub!("acl", "load", "", 2, ADMIN, acl::file::refuse).about("6.0.0", "Refused: users come from the configuration"),
    sub!("acl", "log", "[<count>|RESET]", -2, ADMIN, acl::log::log).about("6.0.0", "Lists the latest refusals"),
    sub!("acl", "save", "", 2, ADMIN, acl::file::refuse).about("6.0.0", "Refused: users come from the configuration"),
    sub!("acl", "setuser", "<username> [<rule> ...]", -3, ADMIN, acl::setuser::setuser)
        .about("6.0.0", "Makes or changes a user until the server starts again"),
    sub!("acl", "users", "", 2, ADMIN, acl::list::users).about("6.0.0", "Lists the names of all users"),
    sub!("acl", "whoami", "", 2, USUAL, acl::whoami::whoami).about("6.0.0", "Returns the connection's user"),
];

static COMMAND: &[Command] = &[
    sub!("command", "count", "", 2, READ, command_family::entries::count)
        .in_categories(IN_CONNECTION)
        .about("2.8.13", "Counts the commands"),
    sub!("command", "docs", "[<command> ...]", -2, READ, command_family::docs::docs)
        .in_categories(IN_CONNECTION)
        .with_tips(ANY_ORDER)
        .about("7.0.0", "Documents commands"),
    sub!("command", "getkeys", "<command> <arg> [<arg> ...]", -4, READ, command_family::getkeys::getkeys)
        .in_categories(IN_CONNECTION)
        .about("2.8.13", "Finds the keys among a command's arguments"),
    sub!(
        "command",
        "getkeysandflags",
        "<command> <arg> [<arg> ...]",
        -4,
        READ,
        command_family::getkeys::getkeysandflags
    )
    .in_categories(IN_CONNECTION)
    .about("7.0.0", "Finds the keys among a command's arguments and tells what happens to them"),
    help!("command", "5.0.0").in_categories(IN_CONNECTION),
    sub!("command", "info", "[<command> ...]", -2, READ, command_family::entries::info)
        .in_categories(IN_CONNECTION)
        .with_tips(ANY_ORDER)
        .about("2.8.13", "Describes commands"),
    sub!("command", "list", "[FILTERBY <MODULE|ACLCAT|PATTERN> <value>]", -2, READ, command_family::list::list)
        .in_categories(IN_CONNECTION)
        .with_tips(ANY_ORDER)
        .about("7.0.0", "Lists the names of commands"),
];

static CONFIG: &[Command] = &[
    sub!("config", "get", "<pattern> [<pattern> ...]", -3, ADMIN, config::get::get)
        .about("2.0.0", "Returns settings that clients ask for"),
    help!("config", "5.0.0"),
    sub!("config", "resetstat", "", 2, ADMIN, config::stats::resetstat)
        .with_tips(ALL_NODES)
        .about("2.0.0", "Sets figures of INFO to zero"),
    sub!("config", "rewrite", "", 2, ADMIN, config::stats::rewrite)
        .about("2.8.0", "Refused: the configuration belongs to its author"),
    sub!("config", "set", "<parameter> <value> [<parameter> <value> ...]", -4, ADMIN, config::set::set)
        .with_tips(ALL_NODES)
        .about("2.0.0", "Accepts values of known settings; only requirepass has an effect"),
];

static MEMORY: &[Command] = &[
    sub!("memory", "doctor", "", 2, 0, memory::doctor)
        .with_tips(SPECIAL_SHARDS)
        .about("4.0.0", "Returns that nothing is known"),
    help!("memory", "4.0.0"),
    sub!("memory", "malloc-stats", "", 2, 0, memory::malloc_stats)
        .with_tips(SPECIAL_SHARDS)
        .about("4.0.0", "Returns that nothing is known"),
    sub!("memory", "purge", "", 2, 0, memory::purge).with_tips(ALL_SHARDS).about("4.0.0", "Accepted without effect"),
    sub!("memory", "usage", "<key> [SAMPLES <count>]", -3, flag::READONLY, memory::usage)
        .with_keys((2, 2, 1), &["RO"])
        .about("4.0.0", "Returns null: there are no keys"),
];

static SLOWLOG: &[Command] = &[
    sub!("slowlog", "get", "[<count>]", -2, flag::ADMIN | READ, slowlog::get)
        .with_tips(&["request_policy:all_nodes", "nondeterministic_output"])
        .about("2.2.12", "Returns no entries"),
    help!("slowlog", "6.2.0"),
    sub!("slowlog", "len", "", 2, flag::ADMIN | READ, slowlog::len)
        .with_tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"])
        .about("2.2.12", "Returns 0"),
    sub!("slowlog", "reset", "", 2, flag::ADMIN | READ, slowlog::reset)
        .with_tips(ALL_NODES)
        .about("2.2.12", "Accepted without effect"),
];

static LATENCY: &[Command] = &[
    sub!("latency", "doctor", "", 2, ADMIN, latency::doctor)
        .with_tips(SPECIAL)
        .about("2.8.13", "Returns that nothing is known"),
    help!("latency", "2.8.13"),
    sub!("latency", "histogram", "[<command> ...]", -2, ADMIN, latency::histogram)
        .with_tips(SPECIAL)
        .about("7.0.0", "Returns no entries"),
    sub!("latency", "history", "<event>", 3, ADMIN, latency::history)
        .with_tips(SPECIAL)
        .about("2.8.13", "Returns no entries"),
    sub!("latency", "latest", "", 2, ADMIN, latency::latest).with_tips(SPECIAL).about("2.8.13", "Returns no entries"),
    sub!("latency", "reset", "[<event> ...]", -2, ADMIN, latency::reset)
        .with_tips(ALL_NODES)
        .about("2.8.13", "Returns 0"),
];

static MODULE: &[Command] = &[
    help!("module", "5.0.0"),
    sub!("module", "list", "", 2, flag::ADMIN | flag::NOSCRIPT, module::list)
        .with_tips(ANY_ORDER)
        .about("4.0.0", "Returns no modules"),
];
