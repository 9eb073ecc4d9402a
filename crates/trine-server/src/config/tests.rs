use super::*;

fn load(text: &str) -> Result<Config, ConfigError> {
    Loader::new(Profile::Serve).toml("trine.toml", text).build()
}

fn problems(text: &str) -> Vec<String> {
    load(text).unwrap_err().0.iter().map(ToString::to_string).collect()
}

fn one_problem(text: &str) -> String {
    let mut problems = problems(text);
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.remove(0)
}

#[test]
fn every_default_is_readable_and_documented() {
    for profile in [Profile::Serve, Profile::Dev] {
        let config = Loader::new(profile).build().unwrap();
        assert_eq!(
            config.listeners.len(),
            ListenerKind::ALL.map(|kind| kind.default_ports().len()).iter().sum::<usize>()
        );
        assert!(config.listeners.iter().all(|l| l.addr.is_loopback()));
    }
    for setting in SETTINGS {
        assert!(setting.doc.len() > 20, "{}", setting.key);
        for kind in ListenerKind::ALL {
            if setting.key == format!("listen.{}", kind.as_str()) {
                let shown = kind.default_ports().iter().map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>();
                assert_eq!(setting.default, shown.join(" "));
            }
        }
    }
}

#[test]
fn an_empty_file_gives_the_defaults() {
    let config = load("").unwrap();
    assert_eq!(config.durability, Durability::Sync);
    assert_eq!(config.data, PathBuf::from("./trine-data"));
    assert_eq!(config.drain_timeout, Duration::from_secs(10));
    assert_eq!(config.kafka_initial_rebalance_delay, Duration::from_secs(3));
    assert!(config.kafka_any_replication_factor);
    assert!(!load("[kafka]\nany_replication_factor = false").unwrap().kafka_any_replication_factor);
    let dev = Loader::new(Profile::Dev).build().unwrap();
    assert!(dev.in_memory() && dev.kafka_auto_create && dev.kafka_initial_rebalance_delay.is_zero());
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let env = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let loader = || {
        Loader::new(Profile::Serve)
            .toml("f", "durability = \"interval:50\"\ndrain_timeout = \"1m\"\n[kafka]\ndefault_partitions = 3\nauto_create_topics = false")
            .env([env("TRINE_KAFKA__DEFAULT_PARTITIONS", "4"), env("TRINE_DRAIN_TIMEOUT", "2m"), env("PATH", "/bin")])
    };
    let config = loader().build().unwrap();
    assert_eq!((config.durability, config.kafka_partitions), (Durability::Interval(50), 4));
    assert_eq!((config.drain_timeout, config.kafka_auto_create), (Duration::from_secs(120), false));
    let config = loader().flag("--drain-timeout", "drain_timeout", "3m").build().unwrap();
    assert_eq!(config.drain_timeout, Duration::from_secs(180));
}

#[test]
fn unknown_keys_name_the_nearest_one_and_the_line() {
    assert_eq!(
        one_problem("\n[kafka]\nauto_create_topic = true"),
        "trine.toml line 3: there is no setting \"kafka.auto_create_topic\"; did you mean \"kafka.auto_create_topics\"?"
    );
    assert_eq!(
        one_problem("[[topic]]\nname = \"a\"\npartition = 3"),
        "trine.toml line 1: there is no key \"partition\" here; did you mean \"partitions\"?"
    );
    let error = Loader::new(Profile::Serve)
        .env([
            ("TRINE_LISTEN__KAFAK".to_owned(), "off".to_owned()),
            ("TRINE_SERVICE_HOST".to_owned(), "10.0.0.1".to_owned()),
        ])
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "environment variable TRINE_LISTEN__KAFAK: there is no setting \"listen.kafak\"; did you mean \"listen.kafka\"?"
    );
}

#[test]
fn every_bad_value_is_reported_at_once() {
    let found =
        problems("durability = \"fast\"\ndrain_timeout = 5\n[limits]\nconnections = 0\n[log]\nformat = \"xml\"\n");
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found.iter().any(|p| p.starts_with("durability (trine.toml line 1): \"fast\" is neither")));
    assert!(
        found.iter().any(|p| p.contains("limits.connections (trine.toml line 4): \"0\" is not a number from 1 to"))
    );
    assert!(one_problem("durability = \"interval:0\"").contains("not an interval"));
    assert!(one_problem("durability = \"interval:2h\"").contains("not an interval"));
    assert!(one_problem("data = [\"a\", \"b\"]").contains("not a list"));
    assert!(one_problem("data = {a = 1}").contains("no setting \"data.a\""));
    assert!(one_problem("a = [").starts_with("trine.toml line 1: "));
}

#[test]
fn listeners() {
    let config = load("port_offset = 100\n[listen]\nadmin = [\"127.0.0.1:1\", \"[::1]:2\"]").unwrap();
    let addrs = |kind| config.listeners_of(kind).map(|l| l.addr.to_string()).collect::<Vec<_>>();
    assert_eq!(addrs(ListenerKind::Kafka), ["127.0.0.1:9192"]);
    assert_eq!(addrs(ListenerKind::Admin), ["127.0.0.1:1", "[::1]:2"], "the offset moves defaults only");
    assert!(load("[listen]\nkafka = \"off\"").unwrap().listeners_of(ListenerKind::Kafka).next().is_none());
    assert!(one_problem("[listen]\nkafka = [\"off\", \"127.0.0.1:1\"]").contains("contradict"));
    assert!(one_problem("[listen]\nkafka = []").contains("empty"));
    assert!(one_problem("[listen]\nkafka = \"127.0.0.1:1,anonymus\"").contains("did you mean \"anonymous\""));
    assert!(one_problem("[listen]\nkafka = \"127.0.0.1:15672\"").contains("taken by kafka"));
    assert!(one_problem("port_offset = 50000").contains("beyond 65535"));
    assert!(one_problem("[listen]\nkafka = \"off\"\n[advertise]\nkafka = \"a:1\"").contains("off"));
    assert!(one_problem("[listen]\nredis = \"off\"\n[advertise]\nredis = \"a:1\"").contains("off"));
    assert!(one_problem("[advertise]\nredis = \"a:1\"").contains("redis.cluster = true"));
    assert!(one_problem("[advertise]\nredis = \"a:0\"\n[redis]\ncluster = true").contains("port 0"));
    let config = load("[advertise]\nredis = \"a:1\"\n[redis]\ncluster = true").unwrap();
    assert_eq!(config.advertise_redis.map(|addr| addr.to_string()).as_deref(), Some("a:1"));

    let flags = |texts: &[&str]| texts.iter().fold(Loader::new(Profile::Serve), |l, t| l.listen_flag(t)).build();
    assert_eq!(
        flags(&["kafka=127.0.0.1:1", "kafka=127.0.0.1:2"]).unwrap().listeners_of(ListenerKind::Kafka).count(),
        2
    );
    assert!(flags(&["kafa=127.0.0.1:1"]).unwrap_err().to_string().contains("did you mean \"kafka\""));
    assert!(flags(&["kafka"]).unwrap_err().to_string().contains("write kafka=HOST:PORT"));
}

#[test]
fn an_open_listener_needs_a_word() {
    assert!(one_problem("[listen]\nkafka = \"0.0.0.0:9092\"").contains("--insecure"));
    assert!(load("insecure = true\n[listen]\nkafka = \"0.0.0.0:9092\"").is_ok());
    assert!(load("[listen]\nkafka = \"[::1]:9092\"").is_ok());
}

fn verifier() -> String {
    trine_net::auth::Verifier::of_password(b"x", &[1; 16], trine_net::auth::ITERATIONS_MIN).to_string()
}

#[test]
fn once_there_are_users_kafka_is_off_or_says_so() {
    let user = format!("[[user]]\nname = \"ann\"\npassword = {:?}\n", verifier());
    assert!(one_problem(&user).contains("--listen kafka=127.0.0.1:9092,anonymous"));
    assert!(load(&format!("[listen]\nkafka = \"off\"\n{user}")).is_ok());
    assert!(load(&format!("[listen]\nkafka = \"127.0.0.1:9092,anonymous\"\n{user}")).is_ok());
    // The admin listener authenticates, so with users it may be open; an anonymous one may not.
    assert!(load(&format!("[listen]\nkafka = \"off\"\nadmin = \"0.0.0.0:1\"\n{user}")).is_ok());
    assert!(
        one_problem(&format!("[listen]\nadmin = \"127.0.0.1:1\"\nkafka = \"0.0.0.0:9092,anonymous\"\n{user}"))
            .contains("--insecure")
    );
}

#[test]
fn users_and_grants() {
    let text = format!(
        "[listen]\nkafka = \"off\"\n[[namespace]]\nname = \"team\"\naccount = \"111111111111\"\n\
         [[user]]\nname = \"ann\"\npassword = {:?}\nnamespace = \"team\"\n\
         aws = [{{ access_key_id = \"AKIA1\", secret_env = \"S\" }}]\n\
         grants = [{{ on = \"topic\", name = \"logs.*\", allow = [\"send\", \"read\"] }}, {{ on = \"admin\", allow = [\"read\"] }}]",
        verifier()
    );
    let config = load(&text).unwrap();
    let ann = &config.users[0];
    assert_eq!((ann.name.as_str(), ann.namespace.as_str(), ann.aws.len()), ("ann", "team", 1));
    assert_eq!(ann.grants[0].name, "logs.*");
    assert_eq!(ann.grants[1].name, "*");
    assert!(!format!("{config:?}").contains("secret_env = "));
    for (change, to, expected) in [
        ("\"topic\"", "\"topics\"", "did you mean \"topic\""),
        ("\"send\"", "\"sent\"", "did you mean \"send\""),
        ("secret_env", "secrets", "unknown field"),
        (", secret_env = \"S\"", "", "exactly one of secret"),
        ("name = \"ann\"", "name = \"a:b\"", "no colon"),
        ("\"AKIA1\"", "\"A/1\"", "letters, digits"),
        ("[[namespace]]\nname = \"team\"", "[[namespace]]\nname = \"other\"", "no [[namespace]] named \"team\""),
        ("\naccount = \"111111111111\"", "", "has no account"),
        ("111111111111", "000000000000", "have the same account"),
    ] {
        let found = one_problem(&text.replace(change, to));
        assert!(found.contains(expected), "{change}: {found}");
    }
    let plain = text.replace(&verifier(), "hunter2");
    assert!(one_problem(&plain).contains("trine user hash"));
}

#[test]
fn the_aws_port() {
    let config =
        load("[aws]\naccount = \"123456789012\"\nregion = \"eu-west-1\"\npublic_url = \"https://q.example/\"").unwrap();
    assert_eq!((config.aws_account.as_str(), config.aws_region.as_str()), ("123456789012", "eu-west-1"));
    assert_eq!(config.aws_public_url.as_deref(), Some("https://q.example"));
    for (text, says) in [
        ("account = \"1\"", "twelve digits"),
        ("region = \"a b\"", "not a region"),
        ("public_url = \"q.example\"", "not a URL"),
        ("public_url = \"http://q.example/path\"", "not a URL"),
    ] {
        assert!(one_problem(&format!("[aws]\n{text}")).contains(says), "{text}");
    }
    let addrs = |text: &str| {
        let config = load(text).unwrap();
        config.listeners_of(ListenerKind::Aws).map(|l| (l.addr.port, l.optional)).collect::<Vec<_>>()
    };
    assert_eq!(addrs("port_offset = 1"), [(4567, false), (9325, true), (4568, true)]);
    assert_eq!(addrs("[listen]\naws = \"127.0.0.1:9324\""), [(9324, false)], "what is asked for must be had");
    assert_eq!(addrs("[listen]\nkafka = \"127.0.0.1:9324\""), [(4566, false), (4567, true)]);
    assert!(one_problem("[[namespace]]\nname = \"a\"\naccount = \"1\"").contains("twelve digits"));
    assert!(one_problem("[[namespace]]\nname = \"default\"").contains("always there"));
    let twice = "[listen]\nkafka = \"off\"\n[[user]]\nname = \"a\"\naws = [{ access_key_id = \"K\", secret_env = \"S\" }]\n\
                 [[user]]\nname = \"b\"\naws = [{ access_key_id = \"K\", secret_env = \"S\" }]";
    assert!(one_problem(twice).contains("\"K\" is there twice"));
}

#[test]
fn topics() {
    let config = load("[[topic]]\nname = \"orders\"\npartitions = 6\nconfig = { \"retention.ms\" = 1000, \"cleanup.policy\" = \"compact\" }").unwrap();
    let topic = &config.topics[0];
    assert_eq!((topic.name.as_str(), topic.partitions), ("orders", Some(6)));
    assert_eq!(topic.config["retention.ms"], "1000");
    assert!(one_problem("[[topic]]\nname = \"a/b\"").contains("only have the characters"));
    assert!(one_problem("[[topic]]\nname = \"a\"\npartitions = 0").contains("not between 1"));
    assert!(one_problem("[[topic]]\npartitions = 1").contains("missing field"));
    assert!(one_problem("[topic]\nname = \"a\"").contains("double brackets"));
    assert!(one_problem("[[topic]]\nname = \"a\"\n[[topic]]\nname = \"a\"").contains("two topics"));
}

#[cfg(unix)]
#[test]
fn a_file_with_secrets_must_be_private() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trine.toml");
    let text = "[listen]\nkafka = \"off\"\n[[user]]\nname = \"a\"\naws = [{ access_key_id = \"A\", secret = \"s\" }]";
    std::fs::write(&path, text).unwrap();
    let load = || Loader::new(Profile::Serve).file(&path).build();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(load().unwrap_err().to_string().contains("chmod 600"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(load().is_ok());
    assert!(
        Loader::new(Profile::Serve)
            .file(&dir.path().join("absent"))
            .build()
            .unwrap_err()
            .to_string()
            .contains("cannot read")
    );
}

#[test]
fn queues() {
    let config = load(
        "[[queue]]\nname = \"jobs\"\nconfig = { visibility = \"60s\", dead_letter = \"failed\", max_receives = 5, fifo = false }\ntags = { team = \"a\" }\n\
         [[queue]]\nname = \"jobs\"\nnamespace = \"other\"\n[[namespace]]\nname = \"other\"",
    )
    .unwrap();
    let [jobs, other] = &config.queues[..] else { panic!("two queues") };
    assert_eq!((jobs.name.as_str(), jobs.namespace.as_str()), ("jobs", "default"));
    assert_eq!(jobs.settings.visibility_ms, 60_000);
    assert_eq!(jobs.settings.dead_letter.as_ref().map(|d| d.max_receives), Some(5));
    assert_eq!(jobs.settings.tags["team"], "a");
    assert_eq!(other.namespace.as_str(), "other");
    for (text, says) in [
        ("[[queue]]\nname = \"\"", "empty"),
        ("[[queue]]\nname = \"a\"\nconfig = { visibility = \"soon\" }", "visibility"),
        ("[[queue]]\nname = \"a\"\nconfig = { colour = \"red\" }", "no such setting"),
        ("[[queue]]\nname = \"a\"\nsettings = {}", "there is no key \"settings\""),
        ("[[queue]]\nname = \"a\"\n[[queue]]\nname = \"a\"", "two queues named a"),
        ("[[queue]]\nname = \"a\"\nnamespace = \"b\"", "queue a: there is no [[namespace]] named \"b\""),
        (
            "[[queue]]\nname = \"a\"\nnamespace = \"steam\"\n[[namespace]]\nname = \"team\"",
            "named \"steam\"; did you mean \"team\"?",
        ),
    ] {
        let problem = one_problem(text);
        assert!(problem.contains(says), "{problem}");
    }
}

#[test]
fn pauses_of_the_sqs_edge() {
    let config = load("[sqs]\npurge_interval = \"5s\"\ndelete_cooldown = \"60s\"").unwrap();
    assert_eq!((config.sqs.purge_interval.as_secs(), config.sqs.delete_cooldown.as_secs()), (5, 60));
    assert!(one_problem("[sqs]\ndelete_cooldown = \"61s\"").contains("longer than"));
}
