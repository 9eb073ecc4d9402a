//! Clusters: errors by default; with `redis.cluster = true` one node that serves every slot (decision Q18).

use super::{help, sub};
use crate::commands::{Command, category::CONNECTION, cluster, flag, help};

const LOOK: u32 = flag::STALE;
const CHANGE: u32 = flag::ADMIN | flag::STALE | flag::NO_ASYNC_LOADING;
const ADMIN: u32 = flag::ADMIN | flag::STALE;
const ANY_OUTPUT: &[&str] = &["nondeterministic_output"];

pub(super) static CLUSTER: &[Command] = &[
    Command::new("asking", "", 1, flag::FAST, cluster::modes::accept)
        .in_categories(CONNECTION)
        .about("3.0.0", "Accepted in cluster mode"),
    Command::container("cluster", SUBCOMMANDS).about("3.0.0", "About the cluster"),
    Command::new("readonly", "", 1, flag::LOADING | flag::STALE | flag::FAST, cluster::modes::accept)
        .in_categories(CONNECTION)
        .about("3.0.0", "Accepted in cluster mode"),
    Command::new("readwrite", "", 1, flag::LOADING | flag::STALE | flag::FAST, cluster::modes::accept)
        .in_categories(CONNECTION)
        .about("3.0.0", "Accepted in cluster mode"),
];

static SUBCOMMANDS: &[Command] = &[
    sub!("cluster", "addslots", "<slot> [<slot> ...]", -3, CHANGE, cluster::modes::refuse)
        .about("3.0.0", "Refused: the node serves every slot"),
    sub!(
        "cluster",
        "addslotsrange",
        "<start-slot> <end-slot> [<start-slot> <end-slot> ...]",
        -4,
        CHANGE,
        cluster::modes::refuse
    )
    .about("7.0.0", "Refused: the node serves every slot"),
    sub!("cluster", "bumpepoch", "", 2, CHANGE, cluster::modes::refuse)
        .with_tips(ANY_OUTPUT)
        .about("3.0.0", "Refused: there is one node"),
    sub!("cluster", "count-failure-reports", "<node-id>", 3, ADMIN, cluster::nodes::count_failure_reports)
        .with_tips(ANY_OUTPUT)
        .about("3.0.0", "Returns 0"),
    sub!("cluster", "countkeysinslot", "<slot>", 3, LOOK, cluster::slot::countkeysinslot).about("3.0.0", "Returns 0"),
    sub!("cluster", "delslots", "<slot> [<slot> ...]", -3, CHANGE, cluster::modes::refuse)
        .about("3.0.0", "Refused: the node serves every slot"),
    sub!(
        "cluster",
        "delslotsrange",
        "<start-slot> <end-slot> [<start-slot> <end-slot> ...]",
        -4,
        CHANGE,
        cluster::modes::refuse
    )
    .about("7.0.0", "Refused: the node serves every slot"),
    sub!("cluster", "failover", "[FORCE|TAKEOVER]", -2, CHANGE, cluster::modes::refuse)
        .about("3.0.0", "Refused: there is one node"),
    sub!("cluster", "flushslots", "", 2, CHANGE, cluster::modes::refuse)
        .about("3.0.0", "Refused: the node serves every slot"),
    sub!("cluster", "forget", "<node-id>", 3, CHANGE, cluster::modes::refuse)
        .about("3.0.0", "Refused: there is one node"),
    sub!("cluster", "getkeysinslot", "<slot> <count>", 4, LOOK, cluster::slot::getkeysinslot)
        .with_tips(ANY_OUTPUT)
        .about("3.0.0", "Returns no keys"),
    help!("cluster", "5.0.0"),
    sub!("cluster", "info", "", 2, LOOK, cluster::info::info)
        .with_tips(ANY_OUTPUT)
        .about("3.0.0", "Tells about the cluster"),
    sub!("cluster", "keyslot", "<key>", 3, LOOK, cluster::slot::keyslot).about("3.0.0", "Returns the slot of a key"),
    sub!("cluster", "links", "", 2, LOOK, cluster::nodes::links)
        .with_tips(ANY_OUTPUT)
        .about("7.0.0", "Returns no links"),
    sub!("cluster", "meet", "<ip> <port> [<cluster-bus-port>]", -4, CHANGE, cluster::modes::refuse)
        .about("3.0.0", "Refused: there is one node"),
    sub!("cluster", "myid", "", 2, LOOK, cluster::nodes::myid).about("3.0.0", "Returns the node's id"),
    sub!("cluster", "myshardid", "", 2, LOOK, cluster::nodes::myshardid)
        .with_tips(ANY_OUTPUT)
        .about("7.2.0", "Returns the shard's id"),
    sub!("cluster", "nodes", "", 2, LOOK, cluster::nodes::nodes)
        .with_tips(ANY_OUTPUT)
        .about("3.0.0", "Describes the node"),
    sub!("cluster", "replicas", "<node-id>", 3, ADMIN, cluster::nodes::replicas)
        .with_tips(ANY_OUTPUT)
        .about("5.0.0", "Returns no replicas"),
    sub!("cluster", "replicate", "<node-id>", 3, CHANGE, cluster::modes::refuse)
        .about("3.0.0", "Refused: there is one node"),
    sub!("cluster", "reset", "[HARD|SOFT]", -2, ADMIN | flag::NOSCRIPT, cluster::modes::refuse)
        .about("3.0.0", "Refused: there is one node"),
    sub!("cluster", "saveconfig", "", 2, CHANGE, cluster::modes::refuse).about("3.0.0", "Refused: there is one node"),
    sub!("cluster", "set-config-epoch", "<config-epoch>", 3, CHANGE, cluster::modes::refuse)
        .about("3.0.0", "Refused: there is one node"),
    sub!("cluster", "setslot", "<slot> <state> [<node-id>]", -4, CHANGE, cluster::modes::refuse)
        .about("3.0.0", "Refused: the node serves every slot"),
    sub!("cluster", "shards", "", 2, LOOK, cluster::slots::shards)
        .with_tips(ANY_OUTPUT)
        .about("7.0.0", "Describes the shard and its slots"),
    sub!("cluster", "slaves", "<node-id>", 3, ADMIN, cluster::nodes::replicas)
        .with_tips(ANY_OUTPUT)
        .about("3.0.0", "Returns no replicas"),
    sub!("cluster", "slots", "", 2, LOOK, cluster::slots::slots)
        .with_tips(ANY_OUTPUT)
        .about("3.0.0", "Tells that the node serves every slot"),
];
