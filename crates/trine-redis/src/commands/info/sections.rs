//! The sections of INFO. Names and formats are Redis's, because programs parse them; what has no meaning here is zero.

use std::{
    fmt::Write,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use super::cpu::CpuTime;
use crate::commands::Ctx;

/// Writes lines; writing to a string cannot fail.
macro_rules! lines {
    ($text:expr, $title:literal $(, $name:literal : $value:expr)* $(,)?) => {
        $text.push_str(concat!("# ", $title, "\r\n"));
        $(let _ = write!($text, concat!($name, ":{}\r\n"), $value);)*
    };
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

pub(super) fn server(ctx: &Ctx<'_>, text: &mut String) {
    let (config, node) = (&ctx.shared.config, &ctx.shared.node);
    let uptime = ctx.now_ms.saturating_sub(node.started_ms) / 1000;
    let port = ctx.session.client.laddr.parse::<SocketAddr>().map_or(config.port, |addr| addr.port());
    lines!(text, "Server",
        "redis_version": config.redis_version,
        "redis_git_sha1": "00000000",
        "redis_git_dirty": 0,
        "redis_build_id": 0,
        "redis_mode": if config.cluster { "cluster" } else { "standalone" },
        "os": format_args!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "arch_bits": usize::BITS,
        "multiplexing_api": "tokio",
        "process_id": std::process::id(),
        "process_supervised": "no",
        "run_id": node.run_id,
        "tcp_port": port,
        "server_time_usec": ctx.shared.broker.clock().wall().0.saturating_mul(1000),
        "uptime_in_seconds": uptime,
        "uptime_in_days": uptime / 86_400,
        "hz": 10,
        "configured_hz": 10,
        "lru_clock": 0,
        "executable": "trine",
        "config_file": "",
        "io_threads_active": u8::from(config.workers > 1),
        "trine_version": config.trine_version,
    );
}

pub(super) fn clients(ctx: &Ctx<'_>, text: &mut String) {
    let pubsub = ctx.shared.clients.list().iter().filter(|client| client.is_subscriber()).count();
    lines!(text, "Clients",
        "connected_clients": ctx.shared.clients.len(),
        "cluster_connections": 0,
        "maxclients": ctx.shared.config.clients_max,
        "client_recent_max_input_buffer": 0,
        "client_recent_max_output_buffer": 0,
        "blocked_clients": 0,
        "tracking_clients": 0,
        "pubsub_clients": pubsub,
        "watching_clients": 0,
        "clients_in_timeout_table": 0,
        "total_watched_keys": 0,
        "total_blocking_keys": 0,
        "total_blocking_keys_on_nokey": 0,
    );
}

/// What waits for clients; the rest of the process serves other protocols, too, and is in the metrics.
pub(super) fn memory(ctx: &Ctx<'_>, text: &mut String) {
    let used = ctx.shared.broker.pubsub().outboxes().used();
    lines!(text, "Memory",
        "used_memory": used,
        "used_memory_human": format_args!("{:.2}K", used as f64 / 1024.0),
        "used_memory_rss": used,
        "used_memory_peak": used,
        "total_system_memory": 0,
        "used_memory_lua": 0,
        "maxmemory": 0,
        "maxmemory_human": "0B",
        "maxmemory_policy": "noeviction",
        "mem_fragmentation_ratio": "1.00",
        "mem_clients_normal": used,
        "mem_allocator": "unknown",
        "lazyfree_pending_objects": 0,
    );
}

/// Nothing here is saved, so that nothing is unsaved either.
pub(super) fn persistence(ctx: &Ctx<'_>, text: &mut String) {
    lines!(text, "Persistence",
        "loading": 0,
        "async_loading": 0,
        "rdb_changes_since_last_save": 0,
        "rdb_bgsave_in_progress": 0,
        "rdb_last_save_time": ctx.shared.node.started_wall_ms.div_euclid(1000),
        "rdb_last_bgsave_status": "ok",
        "aof_enabled": 0,
        "aof_rewrite_in_progress": 0,
        "aof_last_bgrewrite_status": "ok",
        "aof_last_write_status": "ok",
    );
}

pub(super) fn stats(ctx: &Ctx<'_>, text: &mut String) {
    let shared = ctx.shared;
    let counters = &shared.counters;
    let pubsub = shared.broker.pubsub().stats();
    let commands = load(&counters.commands);
    lines!(text, "Stats",
        "total_connections_received": load(&counters.connections),
        "total_commands_processed": commands,
        "instantaneous_ops_per_sec": shared.node.commands_per_second(ctx.now_ms, commands),
        "total_net_input_bytes": load(&counters.bytes_in),
        "total_net_output_bytes": load(&counters.bytes_out),
        "rejected_connections": load(&counters.refused),
        "expired_keys": 0,
        "evicted_keys": 0,
        "evicted_clients": 0,
        "keyspace_hits": 0,
        "keyspace_misses": 0,
        "pubsub_channels": pubsub.channels,
        "pubsub_patterns": pubsub.patterns,
        "pubsubshard_channels": pubsub.shard_channels,
        "latest_fork_usec": 0,
        "total_error_replies": load(&counters.error_replies),
        "unexpected_error_replies": 0,
        "client_query_buffer_limit_disconnections": load(&counters.cut_query),
        "client_output_buffer_limit_disconnections": counters.cut_offs(),
        "acl_access_denied_auth": load(&counters.denied_auth),
        "acl_access_denied_cmd": load(&counters.denied_command),
        "acl_access_denied_key": load(&counters.denied_key),
        "acl_access_denied_channel": load(&counters.denied_channel),
    );
}

pub(super) fn replication(ctx: &Ctx<'_>, text: &mut String) {
    lines!(text, "Replication",
        "role": "master",
        "connected_slaves": 0,
        "master_failover_state": "no-failover",
        "master_replid": ctx.shared.node.run_id,
        "master_replid2": "0000000000000000000000000000000000000000",
        "master_repl_offset": 0,
        "second_repl_offset": -1,
        "repl_backlog_active": 0,
        "repl_backlog_size": 1_048_576,
        "repl_backlog_first_byte_offset": 0,
        "repl_backlog_histlen": 0,
    );
}

/// Of the whole process: its other protocols, too.
pub(super) fn cpu(_ctx: &Ctx<'_>, text: &mut String) {
    let time = CpuTime::now();
    lines!(text, "CPU",
        "used_cpu_sys": time.system,
        "used_cpu_user": time.user,
        "used_cpu_sys_children": "0.000000",
        "used_cpu_user_children": "0.000000",
    );
}

pub(super) fn modules(_ctx: &Ctx<'_>, text: &mut String) {
    lines!(text, "Modules");
}

pub(super) fn commandstats(_ctx: &Ctx<'_>, text: &mut String) {
    lines!(text, "Commandstats");
}

pub(super) fn errorstats(_ctx: &Ctx<'_>, text: &mut String) {
    lines!(text, "Errorstats");
}

pub(super) fn latencystats(_ctx: &Ctx<'_>, text: &mut String) {
    lines!(text, "Latencystats");
}

pub(super) fn cluster(ctx: &Ctx<'_>, text: &mut String) {
    lines!(text, "Cluster", "cluster_enabled": u8::from(ctx.shared.config.cluster));
}

pub(super) fn keyspace(_ctx: &Ctx<'_>, text: &mut String) {
    lines!(text, "Keyspace");
}

/// What Redis does not have.
pub(super) fn trine(ctx: &Ctx<'_>, text: &mut String) {
    let stats = ctx.shared.broker.pubsub().stats();
    lines!(text, "Trine",
        "trine_version": ctx.shared.config.trine_version,
        "trine_workers": ctx.shared.config.workers,
        "trine_messages_in": stats.messages_in,
        "trine_messages_out": stats.messages_out,
        "trine_outbox_bytes": stats.outbox_bytes,
    );
}
