//! Answers that are streams of JSON lines (NDJSON): written as they come, ended by the client, by the operation or by a drain.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, HttpBody},
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use hyper::body::Frame;
use tokio::sync::mpsc;

/// Chunks between the operation and the socket: enough to overlap reading and writing, few enough to stop early when the client does not read.
const CHUNKS_MAX: usize = 2;

/// The writing end of a stream of lines.
pub(crate) struct LineSender(mpsc::Sender<Bytes>);

/// The client is gone.
#[derive(Debug)]
pub(crate) struct Gone;

struct LineBody(mpsc::Receiver<Bytes>);

/// A response and the end that feeds it.
pub(crate) fn lines() -> (LineSender, Response) {
    let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")];
    (LineSender(sender), (headers, Body::new(LineBody(receiver))).into_response())
}

impl LineSender {
    /// Sends whole lines, waiting while the client does not read.
    pub(crate) async fn send(&self, chunk: Vec<u8>) -> Result<(), Gone> {
        if chunk.is_empty() {
            return Ok(());
        }
        self.0.send(chunk.into()).await.map_err(|_| Gone)
    }

    /// Completes when the client is gone.
    pub(crate) async fn gone(&self) {
        self.0.closed().await;
    }
}

impl HttpBody for LineBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|chunk| chunk.map(|bytes| Ok(Frame::data(bytes))))
    }
}
