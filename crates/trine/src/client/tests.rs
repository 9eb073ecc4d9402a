use std::{net::TcpListener, thread};

use super::*;

/// A server that gives each request on one connection the next answer, and returns what it was asked.
fn serve(answers: &'static [&'static str]) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        let mut asked = Vec::new();
        for answer in answers {
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(n) = line.strip_prefix("Content-Length: ") {
                    length = n.trim().parse().unwrap();
                }
                if line == "\r\n" {
                    break;
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            asked.push(head + &String::from_utf8(body).unwrap());
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
        }
        asked
    });
    (url, server)
}

#[test]
fn answers_of_both_framings_share_a_connection() {
    let (url, server) = serve(&[
        "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
        "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{\"b\r\n4;x=y\r\n\":2}\r\n0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 40\r\n\r\n{\"code\":\"not_found\",\"message\":\"no t\"}   ",
    ]);
    let mut client = Client::new(&url).unwrap();
    assert_eq!(client.get("/a").unwrap()["a"], 1);
    assert_eq!(client.send("POST", "/b", &serde_json::json!({"x": 1})).unwrap()["b"], 2);
    let failure = client.get("/c").unwrap_err();
    assert_eq!((failure.kind(), failure.to_string().as_str()), (Kind::NotFound, "no t"));
    let asked = server.join().unwrap();
    assert!(asked[0].starts_with("GET /a HTTP/1.1\r\nHost: 127.0.0.1:"));
    assert!(asked[1].ends_with("Content-Type: application/json\r\nContent-Length: 7\r\n{\"x\":1}"), "{}", asked[1]);
}

#[test]
fn lines_come_as_they_are_written() {
    let (url, _server) =
        serve(&["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\na\nb\n\r\n3\r\nc\nd\r\n0\r\n\r\n"]);
    let mut seen = Vec::new();
    let each = |line: Option<&str>| {
        seen.extend(line.map(str::to_owned));
        Ok(())
    };
    Client::new(&url).unwrap().lines("/x", &Value::Null, each).unwrap();
    assert_eq!(seen, ["a", "b", "c", "d"]);
}

#[test]
fn a_cut_answer_is_an_error() {
    for answer in [
        &["HTTP/1.1 200 OK\r\nContent-Length: 70\r\n\r\n{\"a\":1}"][..],
        &["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{}"],
        &["SSH-2.0-x\r\n\r\n"],
        &[""],
    ] {
        let (url, server) = serve(Box::leak(answer.to_vec().into_boxed_slice()));
        assert!(Client::new(&url).unwrap().get("/").is_err(), "{answer:?}");
        server.join().unwrap();
    }
}

#[test]
fn urls() {
    let client = Client::new("http://ann:p%40ss@localhost:1/").unwrap();
    assert_eq!(client.authority, "localhost:1");
    assert_eq!(client.authorization.unwrap(), format!("Basic {}", STANDARD.encode("ann:p@ss")));
    for bad in ["https://x:1", "http://", "http://x", "http://x:1/path", "http://a%zz@x:1"] {
        assert_eq!(Client::new(bad).err().map(|f| f.kind()), Some(Kind::Usage), "{bad}");
    }
    assert_eq!(segment("a b/ü"), "a%20b%2F%C3%BC");
}
