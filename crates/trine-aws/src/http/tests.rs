//! Over sockets, with raw bytes where the protocol is subtle.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};
use trine_broker::{Action, BoxFuture, Grant, ResourceKind};
use trine_env::{Clock, SystemRng};
use trine_net::{
    Binding, ConnectionLimit, Drain, HostPort, Phase, accept_loop,
    auth::{ITERATIONS_MIN, Verifier},
};
use trine_types::{Namespace, Timestamp};

use super::{watch::HEAD_TIMEOUT, *};
use crate::{Call, Document, Helper, HelperAnswer, Key, Output, ServiceError, ServiceInfo, Sts};

mod users;

const INFO: ServiceInfo = ServiceInfo {
    name: "sqs",
    target_prefix: "AmazonSQS.",
    signing_name: "sqs",
    query_xmlns: Some("http://queue.amazonaws.com/doc/2012-11-05/"),
    actions: &["Echo", "Void", "Fail", "Wait", "Where"],
    helper_prefix: Some("/_aws/sqs/"),
};

/// Says back what it was sent, waits, fails.
#[derive(Default)]
struct Echo {
    waiting: AtomicUsize,
    dropped: AtomicUsize,
    changed: Notify,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Text {
    text: String,
}

impl Document for Text {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Place {
    base_url: String,
    path: String,
    region: String,
    user: String,
    key: String,
}

impl Document for Place {}

/// Tells when a call's future is dropped.
struct OnDrop(Arc<Echo>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}

struct Shared(Arc<Echo>);

impl Service for Shared {
    fn info(&self) -> &'static ServiceInfo {
        &INFO
    }

    fn call(&self, mut call: Call) -> BoxFuture<Result<Output, ServiceError>> {
        let echo = Arc::clone(&self.0);
        Box::pin(async move {
            match call.action {
                "Echo" => call.answer(&call.request::<Text>()?),
                "Void" => Ok(Output::void()),
                "Wait" => {
                    let guard = OnDrop(Arc::clone(&echo));
                    echo.waiting.fetch_add(1, Ordering::SeqCst);
                    echo.changed.notify_waiters();
                    call.drain.draining().await;
                    drop(guard);
                    call.answer(&Text { text: "drained".to_owned() })
                }
                "Where" => call.answer(&Place {
                    base_url: call.base_url.clone(),
                    path: call.path.clone(),
                    region: call.region.clone(),
                    user: call.caller.principal.to_string(),
                    key: call.caller.access_key_id.clone().unwrap_or_default(),
                }),
                _ => Err(ServiceError {
                    namespace: "com.amazonaws.sqs#",
                    ..ServiceError::framework("QueueDoesNotExist", "A.NonExistentQueue", 400, "no \"queue\"")
                }
                .in_query("none & <void>")),
            }
        })
    }

    fn helper(&self, request: Helper) -> BoxFuture<Option<HelperAnswer>> {
        Box::pin(std::future::ready((request.path == "/_aws/sqs/messages").then(|| HelperAnswer {
            status: 200,
            content_type: "text/xml",
            body: format!("<R><U>{:?}</U><T>{:?}</T></R>", request.params.get("QueueUrl"), request.target).into(),
        })))
    }
}

impl Echo {
    async fn until(&self, done: impl Fn(&Self) -> bool) {
        loop {
            let notified = self.changed.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if done(self) {
                return;
            }
            notified.await;
        }
    }
}

/// Stands at the moment the samples were signed at.
struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        self.wall()
    }

    fn mono(&self) -> Duration {
        Duration::ZERO
    }

    fn wall(&self) -> Timestamp {
        Timestamp(1_793_534_400_000)
    }
}

struct Port {
    addr: SocketAddr,
    drain: Drain,
    limit: ConnectionLimit,
    echo: Arc<Echo>,
    aws: Aws,
}

fn start_with(access: Access, keys: Keys, users: Users, anonymous: bool) -> Port {
    let echo = Arc::new(Echo::default());
    let aws = Aws::new(AwsConfig {
        services: vec![Arc::new(Shared(Arc::clone(&echo))), Arc::new(Sts)],
        accounts: Accounts::default(),
        region: "us-east-1".to_owned(),
        public_url: None,
        keys,
        access,
        users,
        clock: Arc::new(Fixed),
        rng: Arc::new(SystemRng),
    });
    let (drain, limit) = (Drain::default(), ConnectionLimit::new(100));
    let binding = Binding::bind(&HostPort::new("127.0.0.1", 0)).unwrap();
    let addr = binding.addrs()[0];
    for listener in binding.listen().unwrap() {
        let aws = aws.clone();
        let serve = move |conn| aws.clone().serve(conn, anonymous);
        tokio::spawn(accept_loop(listener, limit.clone(), drain.signal(), serve));
    }
    Port { addr, drain, limit, echo, aws }
}

fn start() -> Port {
    start_with(Access::allow_all(), Keys::default(), Users::default(), false)
}

/// Writes raw bytes, closes the sending side when `close`, and reads `answers` answers: status, head and body.
async fn raw(stream: &mut TcpStream, bytes: &[u8], answers: usize) -> Vec<(u16, String, String)> {
    stream.write_all(bytes).await.unwrap();
    let mut got = Vec::new();
    for _ in 0..answers {
        got.push(read_answer(stream).await);
    }
    got
}

async fn read_answer(stream: &mut TcpStream) -> (u16, String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).await.unwrap(), 1, "closed after {:?}", String::from_utf8_lossy(&head));
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let len = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().trim().parse().unwrap();
    let mut body = vec![0; len];
    stream.read_exact(&mut body).await.unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, String::from_utf8(body).unwrap())
}

fn json(action: &str, body: &str) -> Vec<u8> {
    format!(
        "POST / HTTP/1.1\r\nHost: queue:9324\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: {action}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn form(path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: queue:9324\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

async fn ask(port: &Port, bytes: &[u8]) -> (u16, String, String) {
    let mut stream = TcpStream::connect(port.addr).await.unwrap();
    raw(&mut stream, bytes, 1).await.remove(0)
}

fn request_id(head: &str) -> String {
    head.lines().find_map(|line| line.strip_prefix("x-amzn-requestid: ")).unwrap().to_owned()
}

#[tokio::test]
async fn both_protocols_are_answered_in_their_own_way() {
    let port = start();
    let (status, head, body) = ask(&port, &json("AmazonSQS.Echo", r#"{"Text":"a\"<b>","Other":[1]}"#)).await;
    assert_eq!((status, body.as_str()), (200, r#"{"Text":"a\"<b>"}"#));
    assert!(head.contains("content-type: application/x-amz-json-1.0\r\n") && head.contains("\r\ndate: "), "{head}");
    assert_eq!(request_id(&head).len(), 36);

    let (status, head, body) = ask(&port, &form("/", "Action=Echo&Version=2012-11-05&Text=a%22%3Cb%3E")).await;
    let id = request_id(&head);
    assert!(head.contains("content-type: text/xml\r\n"));
    let want = format!(
        "<?xml version=\"1.0\"?><EchoResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><EchoResult><Text>a&quot;&lt;b&gt;</Text>\
         </EchoResult><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></EchoResponse>"
    );
    assert_eq!((status, body), (200, want));

    let (status, _, body) = ask(&port, &json("AmazonSQS.Void", "")).await;
    assert_eq!((status, body.as_str()), (200, ""));
    let (status, head, body) = ask(&port, &form("/", "Action=Void")).await;
    let id = request_id(&head);
    let want = format!(
        "<?xml version=\"1.0\"?><VoidResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><ResponseMetadata><RequestId>{id}</RequestId>\
         </ResponseMetadata></VoidResponse>"
    );
    assert_eq!((status, body), (200, want));
    let stats = port.aws.stats();
    let calls: Vec<(&str, u64)> = stats.actions.iter().filter(|a| a.calls > 0).map(|a| (a.action, a.calls)).collect();
    assert_eq!(calls, [("Echo", 2), ("Void", 2)]);
}

#[tokio::test]
async fn errors_in_both_protocols() {
    let port = start();
    let (status, head, body) = ask(&port, &json("AmazonSQS.Fail", "{}")).await;
    assert_eq!(status, 400);
    assert!(head.contains("x-amzn-query-error: a.nonexistentqueue;sender\r\n"), "{head}");
    assert_eq!(body, r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no \"queue\""}"#);

    let (status, head, body) = ask(&port, &form("/", "Action=Fail")).await;
    let id = request_id(&head);
    let want = format!(
        "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><Error><Type>Sender</Type>\
         <Code>A.NonExistentQueue</Code><Message>none &amp; &lt;void&gt;</Message><Detail/></Error><RequestId>{id}</RequestId></ErrorResponse>"
    );
    assert_eq!((status, body), (400, want));
    assert_eq!(port.aws.stats().sender_errors, 2);
}

#[tokio::test]
async fn odd_requests() {
    let port = start();
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n").into_bytes();
    for bytes in [
        get("/"),
        get("/000000000000/q"),
        form("/", "Version=2012-11-05"),
        form("/", "Action="),
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-amz-json-1.0\r\nAccept: application/json\r\nContent-Length: 2\r\n\r\n{}".to_vec(),
    ] {
        let (status, _, body) = ask(&port, &bytes).await;
        assert_eq!((status, body.as_str()), (404, "<UnknownOperationException/>"));
    }
    let (status, _, body) = ask(&port, &form("/", "Action=Fly")).await;
    assert_eq!(status, 400);
    assert!(
        body.contains("<Code>InvalidAction</Code><Message>The action Fly is not valid for this endpoint.</Message>")
    );
    for target in ["AmazonSQS.Fly", "Kinesis_20131202.PutRecord", "", "AmazonSQS"] {
        let (status, _, body) = ask(&port, &json(target, "{}")).await;
        assert_eq!(status, 400);
        assert!(body.contains("\"com.amazon.coral.service#UnknownOperationException\""), "{body}");
    }
    for body in ["{", "[]", "{\"Text\":1}", "{}", &format!("{{\"Text\":{}", "[".repeat(100_000))] {
        let (status, _, body) = ask(&port, &json("AmazonSQS.Echo", body)).await;
        assert_eq!(status, 400);
        assert!(body.contains("\"com.amazon.coral.service#SerializationException\""), "{body}");
    }
    let (status, _, body) = ask(&port, &form("/", &format!("Action=Echo&{}", "a=1&".repeat(5000)))).await;
    assert_eq!(status, 400);
    assert!(body.contains("more than 4096 parameters"), "{body}");
    let (status, _, body) = ask(&port, &form("/", "Action=Echo&Text=%ff")).await;
    assert_eq!(status, 400);
    assert!(body.contains("not UTF-8"), "{body}");
    // A target header decides even when there is an Action; any path will do.
    let bytes = String::from_utf8(json("AmazonSQS.Echo", "{\"Text\":\"x\"}"))
        .unwrap()
        .replace("POST /", "POST /0/q?Action=Fail");
    assert_eq!(ask(&port, bytes.as_bytes()).await.2, "{\"Text\":\"x\"}");
}

#[tokio::test]
async fn where_a_call_came_to() {
    let port = start();
    let (_, _, body) = ask(
        &port,
        b"GET /000000000000/my%20q?Action=Where HTTP/1.1\r\nHost: queue:9324\r\nAuthorization: AWS4-HMAC-SHA256 Credential=123456789012/20200101/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=00\r\n\r\n",
    )
    .await;
    let want = "<BaseUrl>http://queue:9324</BaseUrl><Path>/000000000000/my q</Path><Region>eu-west-1</Region><User>anonymous</User><Key>123456789012</Key>";
    assert!(body.contains(want), "{body}");
    let (_, _, body) = ask(&port, b"GET /?Action=Where HTTP/1.0\r\nAuthorization: nonsense\r\n\r\n").await;
    assert!(body.contains(&format!("<BaseUrl>http://{}</BaseUrl>", port.addr)), "{body}");
    assert!(body.contains("<Region>us-east-1</Region>"), "{body}");
    let (_, _, body) = ask(&port, &form("/", "Action=GetCallerIdentity&Version=2011-06-15")).await;
    assert!(body.contains("<GetCallerIdentityResult><UserId>anonymous</UserId><Account>000000000000</Account><Arn>arn:aws:iam::000000000000:user/anonymous</Arn>"), "{body}");
    assert!(body.contains("xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\""));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let port = start();
    let mut stream = TcpStream::connect(port.addr).await.unwrap();
    let all: Vec<u8> = (0..50)
        .flat_map(|n| match n % 2 {
            0 => json("AmazonSQS.Echo", &format!("{{\"Text\":\"{n}\"}}")),
            _ => form("/", &format!("Action=Echo&Text={n}")),
        })
        .collect();
    let answers = raw(&mut stream, &all, 50).await;
    // An answer does not wait for a following request that is not complete.
    let next = json("AmazonSQS.Void", "");
    let all = [json("AmazonSQS.Void", "").as_slice(), &next[..next.len() / 2]].concat();
    assert_eq!(raw(&mut stream, &all, 1).await[0].0, 200);
    for (n, (status, _, body)) in answers.iter().enumerate() {
        let want = if n % 2 == 0 { format!("{{\"Text\":\"{n}\"}}") } else { format!("<Text>{n}</Text>") };
        assert!(*status == 200 && body.contains(&want), "{n}: {body}");
    }
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on() {
    let port = start();
    let mut stream = TcpStream::connect(port.addr).await.unwrap();
    let request = String::from_utf8(json("AmazonSQS.Echo", "{\"Text\":\"x\"}")).unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    stream.write_all(format!("{head}\r\nExpect: 100-continue\r\n\r\n").as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(raw(&mut stream, body.as_bytes(), 1).await[0].2, body);
}

#[tokio::test]
async fn an_announced_length_is_only_believed_when_it_is_too_much() {
    let port = start();
    let head = |len: usize| {
        format!("POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: AmazonSQS.Echo\r\nContent-Length: {len}\r\n\r\n")
            .into_bytes()
    };
    let (status, head_text, body) = ask(&port, &head(body::BODY_BYTES_MAX + 1)).await;
    assert_eq!(status, 413);
    assert!(head_text.contains("connection: close\r\n"), "{head_text}");
    assert!(body.contains("RequestEntityTooLargeException") && body.contains(&body::BODY_BYTES_MAX.to_string()));
    // A body that ends early is no request.
    let mut stream = TcpStream::connect(port.addr).await.unwrap();
    stream.write_all(&head(100)).await.unwrap();
    stream.write_all(b"{\"Text\":\"x\"}").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(!rest.starts_with("HTTP/1.1 200"), "{rest}");
    // One without a length is counted as it comes.
    let mut stream = TcpStream::connect(port.addr).await.unwrap();
    let chunked = b"POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: AmazonSQS.Echo\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(chunked).await.unwrap();
    let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
    let (mut reader, mut writer) = stream.into_split();
    let writing = tokio::spawn(async move {
        // The server may answer and close before all of it is written.
        for _ in 0..8 {
            if writer.write_all(&chunk).await.is_err() {
                break;
            }
        }
        writer
    });
    let mut start = [0; 12];
    reader.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 413");
    drop(reader);
    drop(writing.await.unwrap());
}

#[tokio::test]
async fn heads_are_bounded() {
    let port = start();
    let mut stream = TcpStream::connect(port.addr).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "x".repeat(4 * HEAD_BYTES_MAX));
    // Refused before it is read to its end: at the latest with the read after the limit, which may be as large.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    let many: String = (0..=HEADERS_MAX).map(|n| format!("x-{n}: 1\r\n")).collect();
    let (status, ..) = ask(&port, format!("GET / HTTP/1.1\r\nHost: h\r\n{many}\r\n").as_bytes()).await;
    assert_eq!(status, 431);
    assert_eq!(ask(&port, &json("AmazonSQS.Void", "")).await.0, 200, "others are served");
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_call_along() {
    let port = start();
    let mut stream = TcpStream::connect(port.addr).await.unwrap();
    stream.write_all(&json("AmazonSQS.Wait", "{}")).await.unwrap();
    port.echo.until(|echo| echo.waiting.load(Ordering::SeqCst) == 1).await;
    assert_eq!(port.echo.dropped.load(Ordering::SeqCst), 0);
    drop(stream);
    port.echo.until(|echo| echo.dropped.load(Ordering::SeqCst) == 1).await;
    port.limit.idle().await;
}

#[tokio::test]
async fn a_drain_answers_long_polls_and_closes() {
    let port = start();
    let mut idle = TcpStream::connect(port.addr).await.unwrap();
    raw(&mut idle, &json("AmazonSQS.Void", ""), 1).await;
    let mut stream = TcpStream::connect(port.addr).await.unwrap();
    stream.write_all(&json("AmazonSQS.Wait", "{}")).await.unwrap();
    port.echo.until(|echo| echo.waiting.load(Ordering::SeqCst) == 1).await;
    port.drain.advance(Phase::Draining);
    let (status, head, body) = read_answer(&mut stream).await;
    assert_eq!((status, body.as_str()), (200, "{\"Text\":\"drained\"}"));
    assert!(head.contains("connection: close\r\n"), "{head}");
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap_or(0), 0);
    port.limit.idle().await;
}

async fn h2(port: &Port) -> hyper::client::conn::http2::SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(port.addr).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn h2_request(port: &Port, action: &str, body: &str) -> hyper::Request<Full<Bytes>> {
    hyper::Request::post(format!("http://{}/", port.addr))
        .header("x-amz-target", action)
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap()
}

#[tokio::test]
async fn http2_with_prior_knowledge() {
    let port = start();
    let mut sender = h2(&port).await;
    let waiting = sender.send_request(h2_request(&port, "AmazonSQS.Wait", "{}"));
    let waiting = tokio::spawn(waiting);
    port.echo.until(|echo| echo.waiting.load(Ordering::SeqCst) == 1).await;
    // Others go on beside it.
    let answer = sender.send_request(h2_request(&port, "AmazonSQS.Where", "{}")).await.unwrap();
    assert_eq!(answer.status(), 200);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let text = std::str::from_utf8(&body).unwrap();
    assert!(text.contains(&format!("\"BaseUrl\":\"http://{}\"", port.addr)), "{text}");
    let large = format!("{{\"Text\":\"{}\"}}", "x".repeat(2 << 20));
    let answer = sender.send_request(h2_request(&port, "AmazonSQS.Echo", &large)).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes().len(), large.len());
    // A stream that is reset takes its call along; the connection lives on.
    waiting.abort();
    port.echo.until(|echo| echo.dropped.load(Ordering::SeqCst) == 1).await;
    let answer = sender.send_request(h2_request(&port, "AmazonSQS.Void", "")).await.unwrap();
    assert_eq!(answer.status(), 200);
    let waiting = tokio::spawn(sender.send_request(h2_request(&port, "AmazonSQS.Wait", "{}")));
    port.echo.until(|echo| echo.waiting.load(Ordering::SeqCst) == 2).await;
    port.drain.advance(Phase::Draining);
    let answer = waiting.await.unwrap().unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "{\"Text\":\"drained\"}");
    port.limit.idle().await;
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_byte_by_byte_is_cut_off() {
    let port = start();
    let began = Instant::now();
    let mut stream = TcpStream::connect(port.addr).await.unwrap();
    let head = b"POST / HTTP/1.1\r\nHost: h\r\nX: ";
    for byte in head.iter().chain(std::iter::repeat_n(&b'x', 1000)) {
        if stream.write_all(&[*byte]).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        if port.limit.counts().open == 0 && began.elapsed() > Duration::from_secs(1) {
            break;
        }
    }
    port.limit.idle().await;
    assert!(began.elapsed() <= HEAD_TIMEOUT + Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_late_and_a_long_poll_never() {
    let port = start();
    let mut waiting = TcpStream::connect(port.addr).await.unwrap();
    waiting.write_all(&json("AmazonSQS.Wait", "{}")).await.unwrap();
    port.echo.until(|echo| echo.waiting.load(Ordering::SeqCst) == 1).await;
    let mut idle = TcpStream::connect(port.addr).await.unwrap();
    raw(&mut idle, &json("AmazonSQS.Void", ""), 1).await;
    let began = Instant::now();
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap_or(0), 0);
    let lived = began.elapsed();
    assert!(lived + Duration::from_secs(5) >= IDLE_TIMEOUT && lived <= IDLE_TIMEOUT * 2, "{lived:?}");
    tokio::time::sleep(IDLE_TIMEOUT * 3).await;
    assert_eq!(port.echo.dropped.load(Ordering::SeqCst), 0);
    port.drain.advance(Phase::Draining);
    assert_eq!(read_answer(&mut waiting).await.0, 200);
}

#[tokio::test]
async fn a_form_is_answered_in_json_when_only_that_is_accepted() {
    let port = start();
    let get = |accept: &str, action: &str| {
        format!("GET /?Action={action} HTTP/1.1\r\nHost: h\r\nAccept: {accept}\r\n\r\n").into_bytes()
    };
    let (status, head, body) = ask(&port, &get("application/json", "Echo&Text=a%26%0d%0ab")).await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: application/json"), "{head}");
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["EchoResponse"]["EchoResult"]["Text"], "a&\r\nb");
    assert!(body["EchoResponse"]["ResponseMetadata"]["RequestId"].is_string());
    let (status, _, body) = ask(&port, &get("application/json", "Fail")).await;
    assert_eq!(status, 400);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["ErrorResponse"]["Error"]["Code"], "A.NonExistentQueue");
    assert_eq!(body["ErrorResponse"]["Error"]["Message"], "none & <void>");
    for accept in ["*/*", "text/xml, application/json", "text/html"] {
        let (_, head, body) = ask(&port, &get(accept, "Void")).await;
        assert!(head.contains("content-type: text/xml") && body.contains("<VoidResponse"), "{accept}: {head}");
    }
}

#[tokio::test]
async fn helpers_and_health() {
    let port = start();
    let get = |target: &str, more: &str| format!("GET {target} HTTP/1.1\r\nHost: h\r\n{more}\r\n").into_bytes();
    let path = "/_aws/sqs/messages?QueueUrl=q";
    let (status, _, body) = ask(&port, &get(path, "Accept: application/json\r\nX-Amz-Target: a.B\r\n")).await;
    assert_eq!((status, body.as_str()), (200, r#"{"R":{"T":"Some(\"a.B\")","U":"Some(\"q\")"}}"#));
    let (_, _, body) = ask(&port, &get(path, "Accept: */*\r\n")).await;
    assert_eq!(body, "<R><U>Some(\"q\")</U><T>None</T></R>");
    assert_eq!(ask(&port, &get("/_aws/sqs/other", "")).await.0, 404);
    let (status, _, body) = ask(&port, &get("/_localstack/health", "")).await;
    assert_eq!(status, 200);
    assert!(body.contains("\"sqs\":\"running\""), "{body}");
    let (status, ..) = ask(&port, &get("/?Action=Void", "Origin: https://evil.example\r\n")).await;
    assert_eq!(status, 403);
}
