//! Subscribing and publishing: every frame, in both versions of the protocol.

use super::common::{Server, encode, eventually};

#[tokio::test]
async fn subscribe_publish_unsubscribe_resp2() {
    let server = Server::start(1).await;
    let (mut sub, mut publisher) = (server.client().await, server.client().await);
    publisher.exchange("PUBLISH ch nobody\r\n", ":0\r\n").await;
    sub.exchange(
        "SUBSCRIBE ch other ch\r\n",
        "*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$5\r\nother\r\n:2\r\n\
         *3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:2\r\n",
    )
    .await;
    publisher.exchange("PUBLISH ch hello\r\n", ":1\r\n").await;
    sub.expect("*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$5\r\nhello\r\n").await;
    sub.exchange(
        "PSUBSCRIBE c* *h\r\n",
        "*3\r\n$10\r\npsubscribe\r\n$2\r\nc*\r\n:3\r\n*3\r\n$10\r\npsubscribe\r\n$2\r\n*h\r\n:4\r\n",
    )
    .await;
    publisher.exchange("PUBLISH ch x\r\n", ":3\r\n").await;
    sub.expect("*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$1\r\nx\r\n").await;
    // The order among patterns is nobody's business.
    sub.expect_in_any_order(&[
        b"*4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$2\r\nch\r\n$1\r\nx\r\n",
        b"*4\r\n$8\r\npmessage\r\n$2\r\n*h\r\n$2\r\nch\r\n$1\r\nx\r\n",
    ])
    .await;
    sub.exchange(
        "UNSUBSCRIBE ch nosuch\r\n",
        "*3\r\n$11\r\nunsubscribe\r\n$2\r\nch\r\n:3\r\n*3\r\n$11\r\nunsubscribe\r\n$6\r\nnosuch\r\n:3\r\n",
    )
    .await;
    sub.exchange("UNSUBSCRIBE\r\n", "*3\r\n$11\r\nunsubscribe\r\n$5\r\nother\r\n:2\r\n").await;
    sub.exchange("UNSUBSCRIBE\r\n", "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:2\r\n").await;
    sub.exchange("PUNSUBSCRIBE c*\r\n", "*3\r\n$12\r\npunsubscribe\r\n$2\r\nc*\r\n:1\r\n").await;
    sub.exchange("PUNSUBSCRIBE\r\n", "*3\r\n$12\r\npunsubscribe\r\n$2\r\n*h\r\n:0\r\n").await;
    publisher.exchange("PUBLISH ch late\r\n", ":0\r\n").await;
    sub.expect_nothing().await;
}

#[tokio::test]
async fn resp3_pushes_follow_the_reply_that_caused_them() {
    let server = Server::start(1).await;
    let mut client = server.client3().await;
    client.exchange("SUBSCRIBE ch\r\n", ">3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n").await;
    client.exchange("PUBLISH ch me\r\n", ":1\r\n>3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$2\r\nme\r\n").await;
    client.exchange("PSUBSCRIBE c?\r\n", ">3\r\n$10\r\npsubscribe\r\n$2\r\nc?\r\n:2\r\n").await;
    client
        .exchange(
            "PUBLISH ch me\r\nPING\r\n",
            ":2\r\n>3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$2\r\nme\r\n\
             >4\r\n$8\r\npmessage\r\n$2\r\nc?\r\n$2\r\nch\r\n$2\r\nme\r\n+PONG\r\n",
        )
        .await;
    client.exchange("UNSUBSCRIBE\r\n", ">3\r\n$11\r\nunsubscribe\r\n$2\r\nch\r\n:1\r\n").await;
    client.exchange("UNSUBSCRIBE\r\n", ">3\r\n$11\r\nunsubscribe\r\n_\r\n:1\r\n").await;
    client.exchange("SUNSUBSCRIBE\r\n", ">3\r\n$12\r\nsunsubscribe\r\n_\r\n:0\r\n").await;
}

#[tokio::test]
async fn shard_channels_are_a_space_of_their_own() {
    let server = Server::start(2).await;
    let (mut shard, mut plain, mut publisher) = (server.client3().await, server.client3().await, server.client().await);
    shard
        .exchange(
            "SSUBSCRIBE ch ch2\r\n",
            ">3\r\n$10\r\nssubscribe\r\n$2\r\nch\r\n:1\r\n>3\r\n$10\r\nssubscribe\r\n$3\r\nch2\r\n:2\r\n",
        )
        .await;
    shard.exchange("SUBSCRIBE x\r\n", ">3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n").await;
    plain.exchange("SUBSCRIBE ch\r\n", ">3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n").await;
    plain.exchange("PSUBSCRIBE *\r\n", ">3\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n:2\r\n").await;
    publisher.exchange("SPUBLISH ch s\r\n", ":1\r\n").await;
    shard.expect(">3\r\n$8\r\nsmessage\r\n$2\r\nch\r\n$1\r\ns\r\n").await;
    publisher.exchange("PUBLISH ch p\r\n", ":2\r\n").await;
    plain
        .expect(
            ">3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$1\r\np\r\n>4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$2\r\nch\r\n$1\r\np\r\n",
        )
        .await;
    shard.expect_nothing().await;
    publisher.exchange("PUBSUB SHARDCHANNELS ch\r\n", "*1\r\n$2\r\nch\r\n").await;
    publisher.exchange("PUBSUB SHARDNUMSUB ch nosuch\r\n", "*4\r\n$2\r\nch\r\n:1\r\n$6\r\nnosuch\r\n:0\r\n").await;
    shard.exchange("SUNSUBSCRIBE ch\r\n", ">3\r\n$12\r\nsunsubscribe\r\n$2\r\nch\r\n:1\r\n").await;
    publisher.exchange("SPUBLISH ch s\r\n", ":0\r\n").await;
}

#[tokio::test]
async fn introspection_counts_what_there_is() {
    let server = Server::start(2).await;
    let (mut a, mut b, mut c) = (server.client3().await, server.client3().await, server.client().await);
    a.exchange("SUBSCRIBE one\r\n", ">3\r\n$9\r\nsubscribe\r\n$3\r\none\r\n:1\r\n").await;
    b.exchange("SUBSCRIBE one\r\n", ">3\r\n$9\r\nsubscribe\r\n$3\r\none\r\n:1\r\n").await;
    for client in [&mut a, &mut b] {
        client.exchange("PSUBSCRIBE o*\r\n", ">3\r\n$10\r\npsubscribe\r\n$2\r\no*\r\n:2\r\n").await;
    }
    c.exchange("PUBSUB NUMPAT\r\n", ":1\r\n").await;
    c.exchange("PUBSUB NUMSUB\r\n", "*0\r\n").await;
    c.exchange("PUBSUB NUMSUB one two\r\n", "*4\r\n$3\r\none\r\n:2\r\n$3\r\ntwo\r\n:0\r\n").await;
    c.exchange("PUBSUB CHANNELS\r\n", "*1\r\n$3\r\none\r\n").await;
    c.exchange("PUBSUB CHANNELS t*\r\n", "*0\r\n").await;
    c.exchange("PUBLISH one x\r\n", ":4\r\n").await;
    drop(a);
    let pubsub = server.broker.pubsub();
    eventually(|| pubsub.stats().subscribers == 1).await;
    c.exchange("PUBLISH one x\r\n", ":2\r\n").await;
    let stats = pubsub.stats();
    assert_eq!((stats.channels, stats.patterns, stats.messages_in, stats.messages_out), (1, 1, 2, 6));
}

#[tokio::test]
async fn names_are_any_bytes() {
    let server = Server::start(1).await;
    let mut client = server.client3().await;
    let name = b"\0\r\n\xff*";
    client.command(&[b"SUBSCRIBE", name]).await;
    client.expect(b">3\r\n$9\r\nsubscribe\r\n$5\r\n\0\r\n\xff*\r\n:1\r\n").await;
    client.command(&[b"SUBSCRIBE", b""]).await;
    client.expect(">3\r\n$9\r\nsubscribe\r\n$0\r\n\r\n:2\r\n").await;
    client.command(&[b"PSUBSCRIBE", b"*"]).await;
    client.expect(">3\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n:3\r\n").await;
    // A star does not match the empty name.
    client.command(&[b"PUBLISH", b"", b""]).await;
    client.expect(":1\r\n>3\r\n$7\r\nmessage\r\n$0\r\n\r\n$0\r\n\r\n").await;
    client.command(&[b"PUBLISH", name, b"\r\n"]).await;
    client
        .expect(
            b":2\r\n>3\r\n$7\r\nmessage\r\n$5\r\n\0\r\n\xff*\r\n$2\r\n\r\n\r\n\
              >4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$5\r\n\0\r\n\xff*\r\n$2\r\n\r\n\r\n",
        )
        .await;
}

#[tokio::test]
async fn large_messages_arrive_whole_and_in_order() {
    let server = Server::start(2).await;
    let (mut a, mut b, mut publisher) = (server.client().await, server.client3().await, server.client().await);
    a.exchange("SUBSCRIBE big\r\n", "*3\r\n$9\r\nsubscribe\r\n$3\r\nbig\r\n:1\r\n").await;
    b.exchange("SUBSCRIBE big\r\n", ">3\r\n$9\r\nsubscribe\r\n$3\r\nbig\r\n:1\r\n").await;
    let sizes = [1, 2047, 2048, 16_383, 16_384, 65_535, 65_536, 1_000_000, 3];
    let payloads: Vec<Vec<u8>> = sizes.iter().enumerate().map(|(i, n)| vec![b'a' + i as u8; *n]).collect();
    let mut pipeline = Vec::new();
    for payload in &payloads {
        pipeline.extend(encode(&[b"PUBLISH", b"big", payload]));
    }
    let sending = tokio::spawn(async move {
        publisher.send(pipeline).await;
        publisher.expect(":2\r\n".repeat(sizes.len())).await;
    });
    for payload in &payloads {
        let mut frame = format!("3\r\n$7\r\nmessage\r\n$3\r\nbig\r\n${}\r\n", payload.len()).into_bytes();
        frame.extend(payload);
        frame.extend(b"\r\n");
        a.expect([b"*", &frame[..]].concat()).await;
        b.expect([b">", &frame[..]].concat()).await;
    }
    sending.await.unwrap();
}

#[tokio::test]
async fn silenced_replies_leave_pushes_and_confirmations() {
    let server = Server::start(1).await;
    let mut client = server.client3().await;
    client.send("CLIENT REPLY OFF\r\n").await;
    client.exchange("PING\r\nSUBSCRIBE ch\r\n", ">3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n").await;
    client.exchange("PUBLISH ch m\r\n", ">3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$1\r\nm\r\n").await;
    client.exchange("CLIENT REPLY ON\r\n", "+OK\r\n").await;
    client.exchange("CLIENT REPLY SKIP\r\nPING\r\nPING\r\n", "+PONG\r\n").await;
}

#[tokio::test]
async fn a_half_closed_client_gets_its_replies_and_a_half_closed_subscriber_is_gone() {
    let server = Server::start(1).await;
    let mut client = server.client().await;
    client.send("PING\r\nPUBLISH ch x\r\n").await;
    tokio::io::AsyncWriteExt::shutdown(&mut client.stream).await.unwrap();
    assert_eq!(client.rest().await, b"+PONG\r\n:0\r\n");
    let mut sub = server.client().await;
    sub.exchange("SUBSCRIBE ch\r\n", "*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n").await;
    tokio::io::AsyncWriteExt::shutdown(&mut sub.stream).await.unwrap();
    assert_eq!(sub.rest().await, b"");
    eventually(|| server.broker.pubsub().stats().channels == 0).await;
}

#[tokio::test]
async fn after_quit_nothing_more_is_carried_out() {
    let server = Server::start(1).await;
    let mut client = server.client().await;
    client.send("PING\r\nQUIT\r\nPING\r\n").await;
    assert_eq!(client.rest().await, b"+PONG\r\n+OK\r\n");
}

#[tokio::test]
async fn ten_thousand_channels_in_one_command() {
    let server = Server::start(2).await;
    let (mut sub, mut publisher) = (server.client3().await, server.client().await);
    let names: Vec<Vec<u8>> = (0..10_000).map(|i| format!("user:{i}").into_bytes()).collect();
    let mut args: Vec<&[u8]> = vec![b"SUBSCRIBE"];
    args.extend(names.iter().map(|n| &**n));
    sub.command(&args).await;
    sub.read_until(b"user:9999\r\n:10000\r\n").await;
    publisher.exchange("PUBLISH user:77 x\r\n", ":1\r\n").await;
    sub.expect(">3\r\n$7\r\nmessage\r\n$7\r\nuser:77\r\n$1\r\nx\r\n").await;
    sub.send("UNSUBSCRIBE\r\n").await;
    sub.read_until(b":0\r\n").await;
    assert_eq!(server.broker.pubsub().stats().channels, 0);
}
