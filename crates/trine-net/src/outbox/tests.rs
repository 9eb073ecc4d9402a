use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{io::AsyncReadExt, time::timeout};

use super::*;

/// A writer that counts system calls and takes at most `step` bytes in each.
struct Counting {
    step: usize,
    calls: Arc<Mutex<Vec<usize>>>,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl AsyncWrite for Counting {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let n = buf.len().min(self.step);
        self.calls.lock().unwrap().push(1);
        self.bytes.lock().unwrap().extend_from_slice(&buf[..n]);
        Poll::Ready(Ok(n))
    }
    fn poll_write_vectored(self: Pin<&mut Self>, _: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.calls.lock().unwrap().push(bufs.len());
        let mut left = self.step;
        for buf in bufs {
            let n = buf.len().min(left);
            self.bytes.lock().unwrap().extend_from_slice(&buf[..n]);
            left -= n;
        }
        Poll::Ready(Ok(self.step - left))
    }
    fn is_write_vectored(&self) -> bool {
        true
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn part(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

#[tokio::test]
async fn what_gathered_goes_out_in_one_call() {
    let (calls, bytes) = (Arc::default(), Arc::default());
    let (outbox, reader) = outbox(1 << 20);
    for i in 0..10 {
        outbox.try_push([part(&format!("{i}:")), part("body;")]).unwrap();
    }
    outbox.finish();
    reader.run(Counting { step: usize::MAX, calls: Arc::clone(&calls), bytes: Arc::clone(&bytes) }).await.unwrap();
    assert_eq!(*calls.lock().unwrap(), [20]);
    let all: String = (0..10).map(|i| format!("{i}:body;")).collect();
    assert_eq!(*bytes.lock().unwrap(), all.as_bytes());
}

#[tokio::test]
async fn short_writes_lose_and_repeat_nothing() {
    for step in 1..12 {
        let bytes = Arc::default();
        let (outbox, reader) = outbox(1 << 20);
        for _ in 0..100 {
            outbox.try_push([part("head"), Bytes::new(), part("body1"), part("z")]).unwrap();
        }
        outbox.finish();
        reader.run(Counting { step, calls: Arc::default(), bytes: Arc::clone(&bytes) }).await.unwrap();
        assert_eq!(*bytes.lock().unwrap(), "headbody1z".repeat(100).as_bytes(), "step {step}");
    }
}

#[tokio::test]
async fn a_peer_that_does_not_read_fills_the_queue_and_no_more() {
    let (outbox, reader) = outbox(100);
    let (ours, mut theirs) = tokio::io::duplex(16);
    outbox.try_push([Bytes::from(vec![1; 99])]).unwrap();
    outbox.try_push([Bytes::from(vec![2; 50])]).unwrap();
    assert_eq!(outbox.try_push([part("x")]), Err(OutboxFull { queued: 149, max: 100 }));
    let writing = tokio::spawn(reader.run(ours));
    // A waiting push goes through as soon as the peer reads.
    let waiting = tokio::spawn({
        let outbox = outbox.clone();
        async move { outbox.push([part("x")]).await }
    });
    assert!(
        timeout(Duration::from_millis(20), async {
            while !waiting.is_finished() {
                tokio::task::yield_now().await
            }
        })
        .await
        .is_err()
    );
    let mut buf = vec![0; 100];
    theirs.read_exact(&mut buf).await.unwrap();
    waiting.await.unwrap().unwrap();
    outbox.finish();
    let mut rest = Vec::new();
    theirs.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest.len(), 50);
    writing.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_dead_socket_ends_both_sides() {
    let (outbox, reader) = outbox(10);
    let (ours, theirs) = tokio::io::duplex(4);
    drop(theirs);
    outbox.try_push([Bytes::from(vec![1; 64])]).unwrap();
    assert!(reader.run(ours).await.is_err());
    assert_eq!(outbox.push([part("x")]).await, Err(OutboxClosed));
    assert_eq!(outbox.queued_bytes(), 0);
}
