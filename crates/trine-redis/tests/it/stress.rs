//! Publishers, steady subscribers, subscribers that come and go, and some that die, all at once on several workers; then a checker looks at what
//! everybody saw.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::common::{PATIENCE, Server, encode};

const CHANNELS: usize = 4;
const PUBLISHERS: usize = 4;
/// Messages of one publisher, in batches.
const MESSAGES: usize = 1_500;
const BATCH: usize = 30;

/// One frame a subscriber got.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Frame {
    Message { channel: String, pattern: bool, text: String },
    Confirmed { kind: String, name: String },
}

struct Subscriber {
    stream: BufReader<tokio::net::TcpStream>,
}

impl Subscriber {
    async fn connect(server: &Server) -> Self {
        Self { stream: BufReader::new(tokio::net::TcpStream::connect(server.addr).await.unwrap()) }
    }

    async fn send(&mut self, args: &[&[u8]]) {
        self.stream.get_mut().write_all(&encode(args)).await.unwrap();
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = tokio::time::timeout(PATIENCE, self.stream.read_line(&mut line)).await.expect("nothing comes");
        (read.ok()? > 0).then(|| line.trim_end().to_owned())
    }

    async fn frame(&mut self) -> Option<Frame> {
        let parts: usize = self.line().await?.strip_prefix('*').expect("an array").parse().unwrap();
        let mut texts = Vec::new();
        for _ in 0..parts {
            let head = self.line().await?;
            let Some(len) = head.strip_prefix('$') else { continue };
            let mut text = vec![0; len.parse::<usize>().unwrap() + 2];
            self.stream.read_exact(&mut text).await.ok()?;
            text.truncate(text.len() - 2);
            texts.push(String::from_utf8(text).unwrap());
        }
        Some(match (texts[0].as_str(), &texts[1..]) {
            ("message", [channel, text]) => {
                Frame::Message { channel: channel.clone(), pattern: false, text: text.clone() }
            }
            ("pmessage", [_, channel, text]) => {
                Frame::Message { channel: channel.clone(), pattern: true, text: text.clone() }
            }
            (kind, [name]) => Frame::Confirmed { kind: kind.to_owned(), name: name.clone() },
            other => panic!("{other:?}"),
        })
    }
}

/// What was published: text → how many got it, as the server said.
async fn publish(server: &Server, me: usize) -> HashMap<String, u64> {
    let mut client = BufReader::new(tokio::net::TcpStream::connect(server.addr).await.unwrap());
    let mut counts = HashMap::new();
    for batch in 0..MESSAGES / BATCH {
        let texts: Vec<String> = (0..BATCH).map(|i| format!("{me}:{}", batch * BATCH + i)).collect();
        let mut bytes = Vec::new();
        for (i, text) in texts.iter().enumerate() {
            let channel = format!("c{}", (me + i) % CHANNELS);
            bytes.extend(encode(&[b"PUBLISH", channel.as_bytes(), text.as_bytes()]));
        }
        client.get_mut().write_all(&bytes).await.unwrap();
        for text in texts {
            let mut line = String::new();
            tokio::time::timeout(PATIENCE, client.read_line(&mut line)).await.expect("no reply").unwrap();
            counts.insert(text, line.trim_start_matches(':').trim().parse().unwrap());
        }
    }
    counts
}

/// Subscribes to every channel (or to all by a pattern) and stays until the end mark.
async fn stay(server: &Server, pattern: bool, ready: tokio::sync::oneshot::Sender<()>) -> Vec<Frame> {
    let mut sub = Subscriber::connect(server).await;
    let names: Vec<String> = (0..CHANNELS).map(|i| format!("c{i}")).collect();
    if pattern {
        sub.send(&[b"PSUBSCRIBE", b"c*", b"end"]).await;
    } else {
        let mut args: Vec<&[u8]> = vec![b"SUBSCRIBE"];
        args.extend(names.iter().map(String::as_bytes));
        args.push(b"end");
        sub.send(&args).await;
    }
    let confirmations = if pattern { 2 } else { CHANNELS + 1 };
    for _ in 0..confirmations {
        assert!(matches!(sub.frame().await, Some(Frame::Confirmed { .. })));
    }
    ready.send(()).unwrap();
    let mut seen = Vec::new();
    while let Some(frame) = sub.frame().await {
        if matches!(&frame, Frame::Message { channel, .. } if channel == "end") {
            return seen;
        }
        seen.push(frame);
    }
    panic!("cut off");
}

/// Subscribes and unsubscribes, over and over. Returns the runs of messages between a beginning and an end, by channel.
async fn come_and_go(server: &Server, me: usize, stop: Arc<AtomicBool>) -> Vec<(String, Vec<String>)> {
    let mut sub = Subscriber::connect(server).await;
    let mut runs = Vec::new();
    let mut round = 0;
    while !stop.load(Ordering::Relaxed) {
        let name = format!("c{}", (me + round) % CHANNELS);
        round += 1;
        sub.send(&[b"SUBSCRIBE", name.as_bytes()]).await;
        assert_eq!(sub.frame().await, Some(Frame::Confirmed { kind: "subscribe".into(), name: name.clone() }));
        let mut run = Vec::new();
        sub.send(&[b"UNSUBSCRIBE", name.as_bytes()]).await;
        loop {
            match sub.frame().await.expect("cut off") {
                // Nothing of another channel, that is: nothing after its end was confirmed.
                Frame::Message { channel, text, .. } => {
                    assert_eq!(channel, name);
                    run.push(text);
                }
                Frame::Confirmed { kind, name: ended } => {
                    assert_eq!((kind.as_str(), &ended), ("unsubscribe", &name));
                    break;
                }
            }
        }
        runs.push((name, run));
    }
    runs
}

/// Subscribes, reads a little and vanishes, over and over.
async fn die(server: &Server, stop: Arc<AtomicBool>) -> Vec<Vec<String>> {
    let mut lives = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let mut sub = Subscriber::connect(server).await;
        sub.send(&[b"SUBSCRIBE", b"c0"]).await;
        let mut seen = Vec::new();
        for _ in 0..20 {
            match sub.frame().await {
                Some(Frame::Message { text, .. }) => seen.push(text),
                Some(Frame::Confirmed { .. }) if stop.load(Ordering::Relaxed) => break,
                Some(Frame::Confirmed { .. }) => {}
                None => panic!("cut off"),
            }
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
        lives.push(seen);
    }
    lives
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_and_counts_hold_under_stress() {
    let server = Arc::new(Server::start(3).await);
    let stop = Arc::new(AtomicBool::new(false));
    let mut staying = Vec::new();
    for pattern in [false, false, true] {
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        let server = Arc::clone(&server);
        staying.push(tokio::spawn(async move { stay(&server, pattern, ready).await }));
        is_ready.await.unwrap();
    }
    let passing: Vec<_> = (0..3)
        .map(|me| {
            let (server, stop) = (Arc::clone(&server), Arc::clone(&stop));
            tokio::spawn(async move { come_and_go(&server, me, stop).await })
        })
        .collect();
    let dying = {
        let (server, stop) = (Arc::clone(&server), Arc::clone(&stop));
        tokio::spawn(async move { die(&server, stop).await })
    };
    let publishing: Vec<_> = (0..PUBLISHERS)
        .map(|me| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { publish(&server, me).await })
        })
        .collect();
    let mut counts = HashMap::new();
    for publisher in publishing {
        counts.extend(publisher.await.unwrap());
    }
    stop.store(true, Ordering::Relaxed);
    // Those that wait for a message get one, those that stay get the end.
    let mut last = server.client().await;
    let mut runs = Vec::new();
    for passer in passing {
        runs.extend(passer.await.unwrap());
    }
    while !dying.is_finished() {
        last.command(&[b"PUBLISH", b"c0", b"last"]).await;
        last.read_until(b"\r\n").await;
    }
    let lives = dying.await.unwrap();
    last.command(&[b"PUBLISH", b"end", b""]).await;
    last.read_until(b"\r\n").await;
    let mut seen = Vec::new();
    for steady in staying {
        seen.push(steady.await.unwrap());
    }

    // One order per channel, the same for all; and every publisher's own order in it.
    let by_channel = |frames: &[Frame], pattern: bool| {
        let mut all: HashMap<String, Vec<String>> = HashMap::new();
        for frame in frames {
            if let Frame::Message { channel, pattern: p, text } = frame
                && *p == pattern
                && text != "last"
            {
                all.entry(channel.clone()).or_default().push(text.clone());
            }
        }
        all
    };
    let order = by_channel(&seen[0], false);
    assert_eq!(order.values().map(Vec::len).sum::<usize>(), PUBLISHERS * MESSAGES);
    assert_eq!(by_channel(&seen[1], false), order);
    assert_eq!(by_channel(&seen[2], true), order);
    for texts in order.values() {
        let mut last: HashMap<&str, usize> = HashMap::new();
        for text in texts {
            let (who, n) = text.split_once(':').unwrap();
            let n: usize = n.parse().unwrap();
            assert!(last.insert(who, n).is_none_or(|before| before < n), "a publisher's messages changed places");
        }
    }
    // Whoever comes and goes sees a run without gaps.
    let place: HashMap<&str, usize> =
        order.values().flat_map(|texts| texts.iter().enumerate().map(|(i, t)| (t.as_str(), i))).collect();
    let mut passed: HashMap<&str, u64> = HashMap::new();
    for run in runs.iter().map(|(_, run)| run).chain(&lives) {
        let places: Vec<usize> = run.iter().filter(|t| *t != "last").map(|t| place[t.as_str()]).collect();
        assert!(places.windows(2).all(|pair| pair[0] + 1 == pair[1]), "a gap: {places:?}");
    }
    for text in runs.iter().flat_map(|(_, run)| run) {
        *passed.entry(text).or_default() += 1;
    }
    // Every count is what arrived; who died may not have got all that was counted.
    let died: HashSet<&str> = lives.iter().flatten().map(String::as_str).collect();
    for (text, count) in &counts {
        let arrived = 3 + passed.get(text.as_str()).copied().unwrap_or(0);
        let to_the_dying = count.checked_sub(arrived).unwrap_or_else(|| panic!("{text}: {count} < {arrived}"));
        assert!(to_the_dying >= u64::from(died.contains(text.as_str())), "{text}");
        if !order["c0"].contains(text) {
            assert_eq!(to_the_dying, 0, "{text}");
        }
    }
    assert!(!runs.is_empty() && !lives.is_empty());
}
