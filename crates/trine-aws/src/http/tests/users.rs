//! Once users are configured.

use super::*;

fn secured(anonymous: bool) -> Port {
    let grant = Grant { on: ResourceKind::Admin, name: "*".to_owned(), allow: vec![Action::Read] };
    let access = Access::new([("ann".to_owned(), vec![grant]), ("bob".to_owned(), Vec::new())]);
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let keys = Keys::new([Key::new("AKIDEXAMPLE", secret, "ann", Namespace::default())]);
    let verifier = |password: &[u8]| Verifier::of_password(password, &[1; 16], ITERATIONS_MIN);
    let users = Users::new([("ann".to_owned(), verifier(b"pw")), ("bob".to_owned(), verifier(b"pw"))]);
    start_with(access, keys, users, anonymous)
}

#[tokio::test]
async fn with_users_requests_must_be_signed() {
    let port = secured(false);
    let (status, head, body) = ask(&port, &json("AmazonSQS.Void", "")).await;
    assert_eq!(status, 403);
    assert!(head.contains("x-amzn-query-error: missingauthenticationtoken;sender"), "{head}");
    assert!(body.contains("#MissingAuthenticationTokenException"));
    let (status, _, body) = ask(&port, &form("/", "Action=Void")).await;
    assert_eq!(status, 403);
    assert!(body.contains("<Code>MissingAuthenticationToken</Code>"));
    assert_eq!(port.aws.stats().unauthenticated, 2);
    // Nobody learns which actions there are.
    assert_eq!(ask(&port, &form("/", "Action=Fly")).await.0, 403);

    // Signed by botocore, received over a socket: it gets through to dispatch, which does not know its action.
    #[derive(Deserialize)]
    struct Sample {
        name: String,
        method: String,
        target: String,
        headers: Vec<(String, String)>,
        body: String,
    }
    let samples: Vec<Sample> = serde_json::from_str(include_str!("../../sigv4/golden/botocore.json")).unwrap();
    for sample in samples {
        let mut request = format!("{} {} HTTP/1.1\r\n", sample.method, sample.target);
        for (name, value) in sample.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length")) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n{}", sample.body.len(), sample.body));
        let (status, _, body) = ask(&port, request.as_bytes()).await;
        let want = if sample.name.starts_with("json") { "UnknownOperationException" } else { "InvalidAction" };
        assert!(status == 400 && body.contains(want), "{}: {status} {body}", sample.name);
        let (status, _, body) = ask(&port, request.replace("Host: ", "Host: x").as_bytes()).await;
        assert!(status == 403 && body.contains("SignatureDoesNotMatch") | body.contains("InvalidSignature"), "{body}");
    }
}

#[tokio::test]
async fn with_users_helpers_need_a_password_and_a_grant() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let port = secured(false);
    let get = |login: &str| {
        let basic = STANDARD.encode(login);
        format!("GET /_localstack/health HTTP/1.1\r\nHost: h\r\nAuthorization: Basic {basic}\r\n\r\n").into_bytes()
    };
    let (status, head, _) = ask(&port, b"GET /_aws/sqs/messages HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert_eq!(status, 401);
    assert!(head.contains("www-authenticate: basic"));
    assert_eq!(ask(&port, &get("ann:pw")).await.0, 200);
    assert_eq!(ask(&port, &get("ann:no")).await.0, 401);
    assert_eq!(ask(&port, &get("bob:pw")).await.0, 403);
}

#[tokio::test]
async fn an_anonymous_listener_serves_everybody() {
    let port = secured(true);
    assert_eq!(ask(&port, &json("AmazonSQS.Void", "")).await.0, 200);
    assert_eq!(ask(&port, b"GET /_localstack/health HTTP/1.1\r\nHost: h\r\n\r\n").await.0, 200);
}
