//! What TCP alone gives on this machine: a server that parses nothing and answers a frame of any size with one of a fixed size.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::load::Exchange;

/// Starts the server on threads of its own, as many as the measured server would have; they end with the process.
///
/// # Errors
/// When no socket can be bound.
pub fn serve(answer_bytes: usize) -> io::Result<SocketAddr> {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::Builder::new().name("echo".to_owned()).spawn(move || -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let _ = tell.send(listener.local_addr());
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                tokio::spawn(answer(stream, answer_bytes));
            }
        })
    })?;
    told.recv().map_err(io::Error::other)?
}

async fn answer(mut stream: tokio::net::TcpStream, answer_bytes: usize) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    // Bytes still missing of the frame being read, and of its length.
    let (mut missing, mut header, mut header_len) = (0_usize, [0_u8; 4], 0_usize);
    let mut out = Vec::new();
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        let mut rest = buffer.get(..n).unwrap_or_default();
        out.clear();
        while !rest.is_empty() {
            if missing == 0 {
                let take = rest.len().min(4 - header_len);
                let (head, tail) = rest.split_at(take);
                if let Some(slot) = header.get_mut(header_len..header_len + take) {
                    slot.copy_from_slice(head);
                }
                header_len += take;
                rest = tail;
                if header_len < 4 {
                    continue;
                }
                header_len = 0;
                missing = u32::from_be_bytes(header) as usize;
            }
            let take = rest.len().min(missing);
            missing -= take;
            rest = rest.split_at(take).1;
            if missing == 0 {
                out.extend_from_slice(&(answer_bytes as u32).to_be_bytes());
                out.resize(out.len() + answer_bytes, 0);
            }
        }
        if !out.is_empty() {
            stream.write_all(&out).await?;
        }
    }
}

/// Frames of a fixed size that the echo server answers.
pub struct Echo {
    /// A request without its length.
    request: Vec<u8>,
    /// Records it counts as.
    records: u64,
}

/// Requests with more bytes are sent from where they lie, as those of the measured protocol are.
const COPY_BYTES_MAX: usize = 8 << 10;

impl Echo {
    /// Requests of so many bytes (their length not counted) that count as so many records each.
    #[must_use]
    pub fn new(request_bytes: usize, records: u64) -> Self {
        Self { request: vec![7; request_bytes], records }
    }
}

impl Exchange for Echo {
    fn request(&self, _connection: usize, _number: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.request.len() as u32).to_be_bytes());
        if self.request.len() <= COPY_BYTES_MAX {
            out.extend_from_slice(&self.request);
        }
    }

    fn tail(&self, _connection: usize) -> &[u8] {
        if self.request.len() > COPY_BYTES_MAX { &self.request } else { &[] }
    }

    fn answer(&self, _number: u32, _frame: &[u8]) -> Result<u64, String> {
        Ok(self.records)
    }
}
