use tokio::{io::AsyncWriteExt, net::TcpListener};

use super::*;

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut bytes = (body.len() as u32).to_be_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes
}

async fn frame(reader: &mut FrameReader, stream: &mut ReadHalf<'_>, memory: &Memory) -> Frame {
    loop {
        match reader.next(stream, memory).await.unwrap() {
            Step::Frame(frame) => return frame,
            Step::Begun => {}
            Step::Closed => panic!("closed"),
        }
    }
}

#[tokio::test]
async fn frames_of_every_size_come_whole_and_in_order() {
    let (mut client, mut server) = pair().await;
    let (mut server, _) = server.split();
    let memory = Memory::new(8 << 20, 0);
    let sizes = [10, 200, 65_536, 65_700, 65_700, REQUEST_BYTES_FREE - 4, 3 * REQUEST_BYTES_FREE, 1 << 20, 11, 300_000];
    let bodies: Vec<Vec<u8>> = sizes.iter().enumerate().map(|(n, size)| vec![n as u8; *size]).collect();
    let all: Vec<u8> = bodies.iter().flat_map(|body| framed(body)).collect();
    let sender = tokio::spawn(async move {
        client.write_all(&all).await.unwrap();
        client
    });
    let mut reader = FrameReader::new(2 << 20);
    for body in &bodies {
        let found = frame(&mut reader, &mut server, &memory).await;
        assert!(found.bytes == body[..], "{} bytes", body.len());
        assert_eq!(found.memory.is_some(), body.len() > REQUEST_BYTES_FREE, "{} bytes", body.len());
    }
    drop(sender.await.unwrap());
}

#[tokio::test]
async fn a_length_reserves_no_memory() {
    let (mut client, mut server) = pair().await;
    let (mut server, _) = server.split();
    let memory = Memory::new(64 << 20, 0);
    let mut reader = FrameReader::new(64 << 20);
    let mut sent = 4_usize;
    client.write_all(&(50_u32 << 20).to_be_bytes()).await.unwrap();
    for more in [1, 20_000, 20_000, 20_000] {
        client.write_all(&vec![7; more]).await.unwrap();
        sent += more;
        while reader.buf.len() < sent {
            assert!(matches!(reader.next_or_pending(&mut server, &memory).await, None | Some(Step::Begun)));
            tokio::task::yield_now().await;
        }
        assert!(
            reader.buf.capacity() <= 2 * (sent + READ_BYTES_MIN).max(READ_BYTES),
            "{} for {sent}",
            reader.buf.capacity()
        );
        assert_eq!(memory.request_bytes(), 0);
    }
}

#[tokio::test]
async fn a_connection_that_sends_one_size_has_a_buffer_of_that_size() {
    let (mut client, mut server) = pair().await;
    let (mut server, _) = server.split();
    let memory = Memory::new(8 << 20, 0);
    let mut reader = FrameReader::new(2 << 20);
    let body = vec![1; 65_600];
    for round in 0..3 {
        client.write_all(&framed(&body)).await.unwrap();
        let found = frame(&mut reader, &mut server, &memory).await;
        assert_eq!(found.bytes.len(), body.len());
        assert!(reader.buf.is_empty() && (round == 0 || reader.buf.capacity() <= 1), "nothing is left over");
    }
    assert_eq!(reader.wanted(), LENGTH_BYTES + body.len() + 1);
}

#[tokio::test]
async fn a_buffer_is_as_large_as_what_comes_at_once() {
    let (mut client, mut server) = pair().await;
    let (mut server, _) = server.split();
    let memory = Memory::new(8 << 20, 0);
    let mut reader = FrameReader::new(2 << 20);
    let small = framed(&[1; 100]);
    client.write_all(&small).await.unwrap();
    frame(&mut reader, &mut server, &memory).await;
    assert_eq!(reader.wanted(), BURST_BYTES_MIN + 1, "small requests have small buffers");
    client.write_all(&small.repeat(50)).await.unwrap();
    for _ in 0..50 {
        frame(&mut reader, &mut server, &memory).await;
    }
    let burst = reader.wanted();
    assert!(burst > BURST_BYTES_MIN, "several at once have a larger one: {burst}");
    for _ in 0..20 {
        client.write_all(&small).await.unwrap();
        frame(&mut reader, &mut server, &memory).await;
    }
    assert!(reader.wanted() < burst, "{} after {burst}", reader.wanted());
}

impl FrameReader {
    /// One look at the socket's bytes; `None` when a whole frame is still to come.
    async fn next_or_pending(&mut self, stream: &mut ReadHalf<'_>, memory: &Memory) -> Option<Step> {
        let mut next = std::pin::pin!(self.next(stream, memory));
        poll_fn(|cx| {
            Poll::Ready(match next.as_mut().poll(cx) {
                Poll::Ready(step) => Some(step.unwrap()),
                Poll::Pending => None,
            })
        })
        .await
    }
}
