use super::*;
use crate::commands::{category, flag};

#[test]
fn every_name_is_found_in_any_case() {
    for command in all_with_subcommands() {
        assert!(command.name == command.name.to_lowercase());
        for name in [command.full_name.to_owned(), command.full_name.to_uppercase()] {
            assert!(std::ptr::eq(find_full(name.as_bytes()).unwrap(), command), "{name}");
        }
        assert_ne!(group_of(command), "");
    }
    assert!(all().all(|command| command.name.len() <= NAME_BYTES_MAX));
    for unknown in ["", "get", "pingg", "pin", "client|nosuch", "nosuch|x", "a-name-longer-than-any"] {
        assert!(find_full(unknown.as_bytes()).is_none(), "{unknown}");
    }
}

#[test]
fn entries_are_complete() {
    for command in all_with_subcommands() {
        let name = command.full_name;
        assert!(!command.summary.is_empty() && !command.summary.ends_with('.') && !command.since.is_empty(), "{name}");
        // COMMAND is the only container that is a command as well.
        assert_eq!(command.handler.is_none(), !command.subcommands.is_empty() && name != "command", "{name}");
        assert_eq!(command.categories & category::of_flags(command.flags), category::of_flags(command.flags), "{name}");
        assert!(command.arity != 0 && (command.handler.is_some() || command.arity == -2), "{name}");
        for sub in command.subcommands {
            assert_eq!(sub.full_name, format!("{}|{}", command.name, sub.name));
            // A subcommand's arity counts the container's name, too.
            assert!(sub.arity >= 2 || sub.arity <= -2, "{}", sub.full_name);
        }
        if !command.subcommands.is_empty() {
            assert!(command.subcommand(b"help").is_some(), "{name}");
        }
        // Optional arguments and those that may come again make the arity open; nothing else does.
        let open = command.syntax.contains('[') || command.syntax.contains("...");
        if command.name != "wait" {
            assert_eq!(open, command.arity < 0, "{name} {}", command.syntax);
        }
    }
}

/// Cluster clients route by these.
#[test]
fn key_positions_of_the_shard_family() {
    for (name, keys) in [
        ("spublish", (1, 1, 1)),
        ("ssubscribe", (1, -1, 1)),
        ("sunsubscribe", (1, -1, 1)),
        ("publish", (0, 0, 0)),
        ("subscribe", (0, 0, 0)),
        ("psubscribe", (0, 0, 0)),
    ] {
        assert_eq!(find(name.as_bytes()).unwrap().keys, keys, "{name}");
    }
}

/// The categories that access rules are written with.
#[test]
fn who_is_in_the_category_pubsub() {
    let mut names: Vec<_> =
        all_with_subcommands().filter(|c| c.flags & flag::PUBSUB != 0).map(|command| command.full_name).collect();
    names.sort_unstable();
    assert_eq!(
        names.join(" "),
        "psubscribe publish pubsub|channels pubsub|numpat pubsub|numsub pubsub|shardchannels pubsub|shardnumsub punsubscribe spublish ssubscribe \
         subscribe sunsubscribe unsubscribe"
    );
}

/// Neither the page nor the table may change alone.
#[test]
fn the_reference_lists_the_commands_there_are() {
    const PAGE: &str = include_str!("../../../../../docs/reference/redis.md");
    let row = |command: &Command| {
        let call = format!("{} {}", command.full_name.replace('|', " ").to_ascii_uppercase(), command.syntax);
        format!("| `{}` | {} |\n", call.trim_end().replace('|', "\\|"), command.summary)
    };
    for (group, commands) in GROUPS {
        let mut section = format!("### {group}\n\n| command | what it does |\n| --- | --- |\n");
        for command in *commands {
            if command.handler.is_some() {
                section.push_str(&row(command));
            }
            // HELP is said once for all of them.
            section.extend(command.subcommands.iter().filter(|sub| sub.name != "help").map(row));
        }
        assert!(PAGE.contains(&section), "this should be in docs/reference/redis.md:\n{section}");
    }
    let is_call =
        |line: &&str| line.strip_prefix("| `").is_some_and(|call| call.starts_with(|c: char| c.is_ascii_uppercase()));
    let listed = PAGE.lines().filter(is_call).count();
    let runnable = all_with_subcommands().filter(|command| command.handler.is_some() && command.name != "help").count();
    assert_eq!(listed, runnable, "a command that does not exist is listed");
}
