//! What HTTP and the disk alone give: a server without queues that commits a record for every request, with everybody's in one write and one sync, and
//! answers what a queue would. The share of it that a server reaches is what queue logic costs.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use trine_env::Fs;

use crate::wal::GroupCommit;

/// Starts the server on threads of its own, as many as the measured server would have; they end with the process. Every answer names `batch` messages of
/// `payload` bytes, so that the same load understands it.
///
/// # Errors
/// When no socket can be bound or the directory cannot be written to.
pub fn serve(fs: &dyn Fs, dir: &Path, batch: usize, payload: usize) -> io::Result<SocketAddr> {
    let commit = Arc::new(GroupCommit::start(fs, dir, batch * payload)?);
    let body = "x".repeat(payload);
    let messages: Vec<_> = (0..batch)
        .map(|i| {
            format!(
                r#"{{"MessageId":"00000000-0000-0000-0000-000000000000","ReceiptHandle":"{i:064}","MD5OfBody":"00000000000000000000000000000000","Body":"{body}"}}"#
            )
        })
        .collect();
    let received = Bytes::from(format!(r#"{{"Messages":[{}]}}"#, messages.join(",")));
    let done = Bytes::from_static(
        br#"{"MessageId":"00000000-0000-0000-0000-000000000000","MD5OfMessageBody":"00000000000000000000000000000000"}"#,
    );
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::Builder::new().name("bare-http".to_owned()).spawn(move || -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let _ = tell.send(listener.local_addr());
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let (commit, received, done) = (Arc::clone(&commit), received.clone(), done.clone());
                tokio::spawn(async move {
                    let service =
                        service_fn(move |request| answer(request, Arc::clone(&commit), received.clone(), done.clone()));
                    let mut http = hyper::server::conn::http1::Builder::new();
                    // The load closes its connections when it is done: no error worth a word.
                    let _ = http.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
                });
            }
        })
    })?;
    told.recv().map_err(io::Error::other)?
}

async fn answer(
    request: Request<Incoming>,
    commit: Arc<GroupCommit>,
    received: Bytes,
    done: Bytes,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let receives = request.headers().get("x-amz-target").is_some_and(|target| target == "AmazonSQS.ReceiveMessage");
    let read = request.into_body().collect().await.is_ok();
    let committed = read && commit.commit().await.is_ok();
    let mut response = Response::new(Full::new(if receives { received } else { done }));
    if !committed {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    Ok(response)
}
