//! The program as a user runs it: a server process, and commands that speak to it.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// Nothing here takes so long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

fn trine() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trine"));
    // Whatever the caller's shell says about servers is not meant for these tests.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TRINE_")) {
        command.env_remove(name);
    }
    command
}

/// A server process; killed when dropped.
struct Server {
    process: Child,
    admin: String,
    kafka: String,
    aws: String,
    _dir: tempfile::TempDir,
}

impl Server {
    fn start(args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ready = dir.path().join("ready.json");
        let mut process = trine()
            .args(args)
            .args([
                "--listen",
                "kafka=127.0.0.1:0",
                "--listen",
                "aws=127.0.0.1:0",
                "--listen",
                "redis=127.0.0.1:0",
                "--listen",
                "admin=127.0.0.1:0",
                "--log",
                "error",
                "--ready-file",
            ])
            .arg(&ready)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let listeners = wait_for(&mut process, &ready);
        let address = |kind: &str| listeners["listeners"][kind][0].as_str().unwrap().to_owned();
        let (kafka, aws) = (address("kafka"), address("aws"));
        Self { admin: format!("http://{}", address("admin")), kafka, aws, process, _dir: dir }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = trine();
        command.args(args).env("TRINE_ADMIN", &self.admin);
        command
    }

    /// Runs a command that must succeed and gives what it printed.
    fn ok(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn code(&self, args: &[&str]) -> i32 {
        let output = self.command(args).output().unwrap();
        let code = output.status.code().unwrap();
        assert_eq!(code == 0, output.stderr.is_empty(), "a failure says why, a success says nothing: {args:?}");
        code
    }

    fn feed(&self, args: &[&str], input: &str) -> Output {
        let mut child =
            self.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Sends SIGTERM and gives the exit code.
    fn terminate(mut self) -> Option<i32> {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the server does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn wait_for(process: &mut Child, ready: &Path) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Ok(text) = std::fs::read_to_string(ready) {
            return serde_json::from_str(&text).expect("the ready file is whole when it is there");
        }
        assert!(process.try_wait().unwrap().is_none(), "the server ended before it was ready");
        assert!(Instant::now() < deadline, "the server is not ready");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn lines_go_in_and_come_out_by_key_group_and_format() {
    let server = Server::start(&["dev"]);
    server.ok(&["topic", "create", "orders", "-p", "3"]);
    let lines: String = (0..3000).map(|i| format!("k{}:v{i}\n", i % 7)).collect();
    let output = server.feed(&["topic", "produce", "orders", "-k", ":", "-H", "a=b"], &lines);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "3000 records to orders\n");

    let printed = server.ok(&["topic", "consume", "orders", "-f", "%k %s %h\\n"]);
    for key in 0..7 {
        let prefix = format!("k{key} ");
        let got: Vec<&str> = printed.lines().filter(|line| line.starts_with(&prefix)).collect();
        let want: Vec<String> = (0..3000).filter(|i| i % 7 == key).map(|i| format!("k{key} v{i} a=b")).collect();
        assert_eq!(got, want, "order per key");
    }
    assert_eq!(server.ok(&["topic", "consume", "orders", "-g", "g", "-n", "1000"]).lines().count(), 1000);
    assert_eq!(server.ok(&["topic", "consume", "orders", "-g", "g"]).lines().count(), 2000, "it goes on");
    assert_eq!(server.ok(&["topic", "consume", "orders", "-g", "g"]), "");
    let lag: Value = serde_json::from_str(&server.ok(&["group", "lag", "g", "-o", "json"])).unwrap();
    assert!(lag.as_array().unwrap().iter().all(|p| p["lag"] == "0" && p["group"] == "g"), "{lag}");
    server.ok(&["group", "seek", "g", "orders", "--to", "-1"]);
    let again = server.ok(&["topic", "consume", "orders", "-g", "g", "-o", "json"]);
    let records: Vec<Value> = again.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let parts: std::collections::BTreeSet<_> = records.iter().map(|r| r["partition"].as_u64()).collect();
    assert_eq!(records.len(), parts.len(), "the last record of each partition that has any");
    server.ok(&["group", "rm", "g"]);
    assert_eq!(server.code(&["group", "show", "g"]), 3);
}

#[test]
fn topics_are_managed() {
    let server = Server::start(&["dev"]);
    server.ok(&["topic", "create", "a", "-c", "retention.ms=1000"]);
    server.ok(&["topic", "create", "a", "--if-absent"]);
    server.ok(&["topic", "create", "b.c", "-p", "2"]);
    let list = server.ok(&["topic", "ls"]);
    let names: Vec<_> = list.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(names, ["NAME", "a", "b.c"]);
    assert_eq!(server.ok(&["topic", "ls", "b", "-o", "ndjson"]).lines().count(), 1);
    assert!(server.ok(&["topic", "show", "a"]).contains("retention.ms = 1000"));
    assert!(
        server
            .ok(&["topic", "set", "a", "cleanup.policy=compact", "retention.ms="])
            .contains("cleanup.policy = compact")
    );
    server.ok(&["topic", "add-partitions", "b.c", "4"]);
    server.ok(&["topic", "produce", "b.c", "Cargo.toml", "--partition", "3"]);
    server.ok(&["topic", "trim", "b.c", "--before", "end"]);
    assert_eq!(server.ok(&["topic", "consume", "b.c"]), "");
    server.ok(&["topic", "rm", "a", "b.c"]);
    assert_eq!(server.ok(&["topic", "ls"]).lines().count(), 1);
}

#[test]
fn exit_codes_say_what_went_wrong() {
    let server = Server::start(&["dev"]);
    assert_eq!(server.code(&["status"]), 0);
    assert_eq!(server.code(&["topic", "create", "a/b"]), 1);
    assert_eq!(server.code(&["topic", "show", "none"]), 3);
    assert_eq!(server.code(&["topic", "consume", "none"]), 3);
    assert_eq!(server.code(&["topic", "frobnicate"]), 2);
    assert_eq!(server.code(&["status", "--server", "gopher://x:1"]), 2);
    assert_eq!(server.code(&["serve", "--durability", "fast"]), 2);
    assert_eq!(server.code(&["verify", "--data", "/nowhere"]), 1);
    let admin = server.admin.clone();
    assert_eq!(server.terminate(), Some(0));
    let output = trine().args(["status", "--server", &admin]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("trine serve"));
}

#[test]
fn the_environment_points_clients_to_the_server() {
    let server = Server::start(&["dev"]);
    let script = format!(
        "eval \"$({} env)\"; echo $KAFKA_BOOTSTRAP_SERVERS $AWS_ENDPOINT_URL_SQS $TRINE_ADMIN",
        env!("CARGO_BIN_EXE_trine")
    );
    let output = Command::new("sh").args(["-c", &script]).env("TRINE_ADMIN", &server.admin).output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("{} http://{} {}\n", server.kafka, server.aws, server.admin)
    );
    assert!(server.ok(&["env", "--unset"]).contains("unset KAFKA_BOOTSTRAP_SERVERS"));
}

#[test]
fn a_killed_server_keeps_what_it_answered_and_the_directory_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data").display().to_string();
    let serve = ["serve", "--data", &data];
    let server = Server::start(&serve);
    server.ok(&["topic", "create", "t"]);
    let output = server.feed(&["topic", "produce", "t"], "one\ntwo\n");
    assert!(output.status.success());
    // Dropping kills with SIGKILL.
    drop(server);
    let server = Server::start(&serve);
    assert_eq!(server.ok(&["topic", "consume", "t"]), "one\ntwo\n");
    assert_eq!(server.code(&["verify", "--data", &data]), 1, "a server uses it");
    assert_eq!(server.terminate(), Some(0));
    let output = trine().args(["verify", "--data", &data, "-o", "json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["clean"], report["damage"].as_array().map(Vec::len)), (&Value::Bool(true), Some(0)));
}

#[test]
fn following_prints_records_as_they_come() {
    let server = Server::start(&["dev"]);
    server.ok(&["topic", "create", "t"]);
    let follower = server
        .command(&["topic", "consume", "t", "--follow", "--from", "start", "-n", "3"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    for line in ["a\n", "b\n", "c\n"] {
        assert!(server.feed(&["topic", "produce", "t"], line).status.success());
    }
    assert_eq!(follower.wait_with_output().unwrap().stdout, b"a\nb\nc\n");
}

#[test]
fn passwords_become_verifiers_and_configurations_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let hash = |password: &str| {
        let mut child = trine().args(["user", "hash"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    };
    let verifier = hash("secret\n");
    assert!(verifier.starts_with("scram-sha-256:"));
    assert_ne!(verifier, hash("secret\n"), "every verifier has a salt of its own");
    let config = |text: &str| -> PathBuf {
        let path = dir.path().join("trine.toml");
        std::fs::write(&path, text).unwrap();
        path
    };
    let check = |text: &str| trine().args(["check", "--config"]).arg(config(text)).output().unwrap();
    let user = format!("[listen]\nkafka = \"off\"\n[[user]]\nname = \"ann\"\npassword = \"{}\"\n", verifier.trim());
    assert!(check(&user).status.success());
    let output = check("durabilty = \"sync\"");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("line 1: there is no setting \"durabilty\"; did you mean \"durability\"?")
    );
    assert_eq!(check("[[topic]]\nname = \"a\"\nconfig = { x = 1 }").status.code(), Some(2));

    let listen = "kafka = \"127.0.0.1:0,anonymous\"\nredis = \"off\"\nadmin = \"127.0.0.1:0\"";
    let text = user.replace("kafka = \"off\"", listen);
    let ready = dir.path().join("ready.json");
    let process = trine()
        .args(["dev", "--log", "error", "--ready-file"])
        .arg(&ready)
        .arg("--config")
        .arg(config(&text))
        .stdout(Stdio::null())
        .spawn();
    let mut process = process.unwrap();
    let admin = wait_for(&mut process, &ready)["listeners"]["admin"][0].as_str().unwrap().to_owned();
    let status = |login: &str| {
        trine().args(["status", "--server", &format!("http://{login}{admin}")]).output().unwrap().status.code()
    };
    let codes = (status(""), status("ann:wrong@"), status("ann:secret@"));
    let _ = process.kill();
    let _ = process.wait();
    assert_eq!(codes, (Some(5), Some(5), Some(5)), "no login, a wrong one, and one without a grant");
}

/// Blocks of a guide marked `sh` are run in order against one fresh server; a `text` block after one is what it prints.
fn run_guide(guide: &str, blocks_min: usize) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&["serve", "--data", &dir.path().join("data").display().to_string()]);
    let bin = Path::new(env!("CARGO_BIN_EXE_trine")).parent().unwrap();
    let path = std::env::join_paths(
        std::iter::once(bin.to_owned()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let path = path.unwrap();
    // The text between fences, with the language of each: every second piece is a block.
    let blocks: Vec<(&str, &str)> =
        guide.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap()).collect();
    let mut ran = 0;
    for (at, (language, script)) in blocks.iter().enumerate() {
        if *language != "sh" {
            continue;
        }
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", script]).current_dir(dir.path()).env("PATH", &path).env("TRINE_ADMIN", &server.admin);
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{script}{}", String::from_utf8_lossy(&output.stderr));
        if let Some(("text", expected)) = blocks.get(at + 1) {
            assert_eq!(String::from_utf8_lossy(&output.stdout), *expected, "{script}");
        }
        ran += 1;
    }
    assert!(ran >= blocks_min, "the guide has {ran} blocks to run");
}

#[test]
fn the_guide_to_streams_does_what_it_says() {
    run_guide(include_str!("../../../docs/guide/streams.md"), 11);
}

#[test]
fn the_guide_to_queues_does_what_it_says() {
    run_guide(include_str!("../../../docs/guide/queues.md"), 9);
}

#[test]
fn the_guide_to_pubsub_does_what_it_says() {
    run_guide(include_str!("../../../docs/guide/pubsub.md"), 4);
}
