use bytes::Bytes;
use trine_net::auth::Verifier;

use super::*;
use crate::commands::table;

fn set(acl: &Acl, name: &str, words: &[&str]) -> Result<(), String> {
    acl.set(name, words.iter().map(|word| word.as_bytes()))
        .map(drop)
        .map_err(|(word, problem)| format!("{}: {problem}", String::from_utf8_lossy(word)))
}

fn line(acl: &Acl, name: &str) -> String {
    String::from_utf8(acl.get(name).unwrap().rules().line(name)).unwrap()
}

fn check(acl: &Acl, name: &str, args: &[&str]) -> Result<(), Denied> {
    let args: Vec<Bytes> = args.iter().map(|arg| Bytes::copy_from_slice(arg.as_bytes())).collect();
    let mut command = table::find(&args[0]).unwrap();
    if let Some(sub) = args.get(1).and_then(|sub| command.subcommand(sub)) {
        command = sub;
    }
    acl.get(name).unwrap().rules().check(command, &args)
}

fn channel(name: &str) -> Result<(), Denied> {
    Err(Denied::Channel(Bytes::copy_from_slice(name.as_bytes())))
}

#[test]
fn without_users_everybody_may_do_everything() {
    let acl = Acl::new(&[], &Users::default());
    assert_eq!(line(&acl, "default"), "user default on nopass ~* &* +@all");
    let default = acl.at_connect(false);
    assert!(default.is_open() && default.is_unrestricted());
}

#[test]
fn lines_are_those_of_redis() {
    let acl = Acl::new(&[], &Users::default());
    set(&acl, "bob", &[]).unwrap();
    assert_eq!(line(&acl, "bob"), "user bob off resetchannels -@all");
    set(&acl, "bob", &[">x", "+@pubsub", "&a*", "on", "+ping", "+config|get", "~k*"]).unwrap();
    assert_eq!(
        line(&acl, "bob"),
        "user bob on #2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 ~k* resetchannels &a* -@all +@pubsub +ping +config|get"
    );
    set(&acl, "bob", &["reset", "on", "nopass", "allchannels", "allkeys", "allcommands", "-@admin"]).unwrap();
    assert_eq!(line(&acl, "bob"), "user bob on nopass ~* &* +@all -@admin");
}

#[test]
fn the_last_rule_about_a_command_decides() {
    let acl = Acl::new(&[], &Users::default());
    set(
        &acl,
        "bob",
        &["+@all", "allkeys", "allchannels", "-config", "+config|get", "-client|id", "-@dangerous", "+info"],
    )
    .unwrap();
    let may = |args: &[&str]| check(&acl, "bob", args).is_ok();
    assert!(may(&["ping"]) && may(&["info"]) && may(&["client", "info"]));
    assert!(!may(&["client", "id"]) && !may(&["config", "get", "x"]) && !may(&["keys", "*"]));
    set(&acl, "bob", &["+config|get"]).unwrap();
    assert!(may(&["config", "get", "x"]) && !may(&["config", "set", "x", "y"]));
    assert!(line(&acl, "bob").ends_with("+@all -config -client|id -@dangerous +info +config|get"));
    set(&acl, "bob", &["-config"]).unwrap();
    assert!(line(&acl, "bob").ends_with("+@all -client|id -@dangerous +info -config"));
    // Whoever may do nothing may still say who they are, or go.
    set(&acl, "bob", &["nocommands"]).unwrap();
    assert!(may(&["auth", "x"]) && may(&["quit"]) && !may(&["ping"]));
}

#[test]
fn channels_are_checked_by_pattern_and_patterns_by_letter() {
    let acl = Acl::new(&[], &Users::default());
    set(&acl, "bob", &["+@all", "&news.*", "&x"]).unwrap();
    let check = |args: &[&str]| check(&acl, "bob", args);
    assert_eq!(check(&["publish", "news.1", "m"]), Ok(()));
    assert_eq!(check(&["publish", "other", "news.1"]), channel("other"));
    assert_eq!(check(&["subscribe", "news.1", "x", "y"]), channel("y"));
    assert_eq!(check(&["ssubscribe", "x", "news.2"]), Ok(()));
    assert_eq!(check(&["spublish", "z", "m"]), channel("z"));
    assert_eq!(check(&["psubscribe", "news.*"]), Ok(()));
    assert_eq!(check(&["psubscribe", "news.1*"]), channel("news.1*"));
    assert_eq!(check(&["unsubscribe", "y"]), Ok(()));
    assert_eq!(check(&["pubsub", "channels"]), Ok(()));
    assert_eq!(check(&["del", "a"]), Err(Denied::Key(Bytes::from_static(b"a"))));
}

#[test]
fn wrong_words_change_nothing() {
    let acl = Acl::new(&[], &Users::default());
    set(&acl, "bob", &["on", ">a"]).unwrap();
    let before = line(&acl, "bob");
    for (words, problem) in [
        (&["off", "foo"][..], "foo: Syntax error"),
        (&["+nosuch"], "+nosuch: Unknown command or category name in ACL"),
        (&["+client|nosuch"], "+client|nosuch: Unknown command or category name in ACL"),
        (&["-@nosuch"], "-@nosuch: Unknown command or category name in ACL"),
        (&["<b"], "<b: The password you are trying to remove from the user does not exist"),
        (
            &["#ZZ"],
            "#ZZ: The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters",
        ),
    ] {
        assert_eq!(set(&acl, "bob", words).unwrap_err(), problem);
        assert_eq!(line(&acl, "bob"), before);
    }
    assert!(set(&acl, "bob", &["&*", "&b"]).unwrap_err().starts_with("&b: Adding a pattern after the * pattern"));
    assert!(set(&acl, "nobody", &["foo"]).is_err() && acl.get("nobody").is_none());
}

#[test]
fn passwords() {
    let acl = Acl::new(&[], &Users::default());
    set(&acl, "bob", &[">a", ">b", "<a"]).unwrap();
    let rules = acl.get("bob").unwrap().rules();
    assert!(rules.has_password(b"b") && !rules.has_password(b"a") && !rules.has_password(b""));
    set(&acl, "bob", &["nopass"]).unwrap();
    assert!(acl.get("bob").unwrap().rules().passwords().is_empty());
}

#[test]
fn grants_become_patterns() {
    let grant = |on, name: &str, allow: &[Action]| Grant { on, name: name.to_owned(), allow: allow.to_vec() };
    let configured = [
        (
            "ann".to_owned(),
            vec![
                grant(ResourceKind::Channel, "news.*", &[Action::Publish, Action::Subscribe]),
                grant(ResourceKind::Channel, "a[b]", &[Action::Subscribe]),
                grant(ResourceKind::Topic, "t", &[Action::Publish]),
            ],
        ),
        ("root".to_owned(), vec![grant(ResourceKind::Admin, "*", &[])]),
    ];
    let ann = Verifier::of_password(b"x", &[7; 16], 4096);
    let acl = Acl::new(&configured, &Users::new([("ann".to_owned(), ann)]));
    assert_eq!(line(&acl, "ann"), r"user ann on #scram-sha-256 ~* resetchannels &news.* &a\[b] +@all -@admin");
    assert_eq!(line(&acl, "root"), "user root on ~* resetchannels +@all");
    assert_eq!(check(&acl, "ann", &["subscribe", "a[b]"]), Ok(()));
    assert_eq!(check(&acl, "ann", &["publish", "a[b]", ""]), channel("a[b]"));
    assert_eq!(check(&acl, "ann", &["acl", "list"]), Err(Denied::Command));
    assert!(!acl.at_connect(false).is_open());
    assert!(acl.at_connect(true).is_unrestricted());
}

#[test]
fn refusals_are_grouped_and_forgotten() {
    let mut log = AclLog::default();
    let denial = |object: &'static str, at_ms| Denial {
        reason: Reason::Channel,
        in_multi: false,
        object: Bytes::from_static(object.as_bytes()),
        user: Bytes::from_static(b"bob"),
        client: Vec::new(),
        at_ms,
        wall_ms: at_ms as i64,
    };
    for (object, at) in [("a", 0), ("b", 1), ("a", 60_000), ("a", 200_000)] {
        log.add(denial(object, at));
    }
    let seen: Vec<_> =
        log.latest(10).iter().map(|e| (e.id, e.count, e.latest.object.clone(), e.created_wall_ms)).collect();
    assert_eq!(seen, [(2, 1, "a".into(), 200_000), (0, 2, "a".into(), 0), (1, 1, "b".into(), 1)]);
    for at in 0..200 {
        log.add(Denial { object: Bytes::from(at.to_string()), ..denial("", at) });
    }
    assert_eq!(log.latest(1000).len(), 128);
    log.clear();
    assert!(log.latest(1).is_empty());
}
