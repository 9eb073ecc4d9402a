use hyper::{
    HeaderMap,
    header::{HeaderName, HeaderValue},
};
use serde::Deserialize;
use trine_types::Namespace;

use super::*;
use crate::{Form, Headers};

/// The moment all samples were signed at, in milliseconds.
const SIGNED_AT: i64 = 1_793_534_400_000;
const MINUTE: i64 = 60_000;

/// A request as received.
#[derive(Clone, Deserialize)]
struct Sample {
    name: String,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Sample {
    fn headers(&self) -> Headers {
        let of = |(name, value): &(String, String)| {
            (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
        };
        Headers::from(&self.headers.iter().map(of).collect::<HeaderMap>())
    }

    fn check_at(&self, keys: &Keys, now: i64) -> Result<String, AuthError> {
        let headers = self.headers();
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let form = Form::parse(query.as_bytes()).unwrap_or_default();
        let given = find(&headers, &form)?.ok_or(AuthError::Missing)?;
        let host = headers.text("host").unwrap_or_default();
        let parts = Parts { method: &self.method, path, query, headers: &headers, host };
        verify(keys, &given, parts, self.body.as_bytes(), Timestamp(now)).map(|key| key.user().to_owned())
    }

    fn check(&self) -> Result<String, AuthError> {
        self.check_at(&keys(), SIGNED_AT)
    }

    fn header(&mut self, name: &str) -> &mut String {
        &mut self.headers.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name)).unwrap().1
    }
}

fn keys() -> Keys {
    Keys::new([
        Key::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "ann", Namespace::default()),
        Key::new("AKIDOTHER", "another secret", "bob", Namespace::default()),
    ])
}

fn samples() -> Vec<Sample> {
    serde_json::from_str(include_str!("golden/botocore.json")).unwrap()
}

fn sample(name: &str) -> Sample {
    samples().into_iter().find(|sample| sample.name == name).unwrap()
}

#[test]
fn what_botocore_signs_is_accepted() {
    let samples = samples();
    assert!(samples.len() >= 10);
    for sample in samples {
        assert_eq!(sample.check().as_deref(), Ok("ann"), "{}", sample.name);
    }
}

#[test]
fn a_signature_off_by_one_digit_is_refused() {
    let good = sample("json");
    let text = good.clone().header("authorization").clone();
    let (before, signature) = text.split_once("Signature=").unwrap();
    for at in 0..signature.len() {
        let mut bad = signature.as_bytes().to_vec();
        bad[at] = if bad[at] == b'0' { b'1' } else { b'0' };
        let mut forged = good.clone();
        *forged.header("authorization") = format!("{before}Signature={}", String::from_utf8(bad).unwrap());
        assert_eq!(forged.check(), Err(AuthError::Differs), "digit {at}");
    }
    for odd in ["", "0", &"0".repeat(65), &"x".repeat(64), &"ä".repeat(32)] {
        let mut forged = good.clone();
        *forged.header("authorization") = format!("{before}Signature={odd}");
        assert!(forged.check().is_err(), "{odd}");
    }
}

#[test]
fn what_was_signed_cannot_be_changed() {
    let mut changed: Vec<(&str, Sample)> = Vec::new();
    let mut change = |what, name, edit: fn(&mut Sample)| {
        let mut sample = sample(name);
        edit(&mut sample);
        changed.push((what, sample));
    };
    change("body", "json", |s| s.body.push(' '));
    change("method", "json", |s| s.method = "PUT".to_owned());
    change("host", "json", |s| "localhost:9325".clone_into(s.header("host")));
    change("target", "json", |s| "AmazonSQS.DeleteQueue".clone_into(s.header("x-amz-target")));
    change("content type", "json", |s| "application/x-amz-json-1.1".clone_into(s.header("content-type")));
    change("path", "form to a queue", |s| s.target = "/000000000000/r.fifo".to_owned());
    change("parameter", "get with parameters", |s| s.target = s.target.replace("b=2", "b=3"));
    change("presigned parameter", "presigned", |s| s.target = s.target.replace("Messages=10", "Messages=1"));
    change("life", "presigned", |s| s.target = s.target.replace("Expires=3600", "Expires=36000"));
    change("an absent header", "json", |s| s.headers.retain(|(name, _)| name != "x-amzn-query-mode"));
    for (what, sample) in changed {
        assert_eq!(sample.check(), Err(AuthError::Differs), "{what}");
    }
}

#[test]
fn reordered_parameters_and_plus_signs_are_the_same_request() {
    let mut sample = sample("get with parameters");
    sample.target = "/?Action=ListQueues&a=1&a=x+y&e=%c3%a4%7E-_.&b=2".to_owned();
    assert_eq!(sample.check().as_deref(), Ok("ann"));
}

#[test]
fn clocks_may_differ_by_fifteen_minutes() {
    let sample = sample("json");
    for (minutes, good) in [(0, true), (15, true), (-15, true), (16, false), (-16, false)] {
        let checked = sample.check_at(&keys(), SIGNED_AT + minutes * MINUTE);
        match checked {
            Ok(_) => assert!(good, "{minutes}"),
            Err(AuthError::Skewed(text)) => {
                assert!(!good, "{minutes}");
                assert!(text.contains("20261101T120000Z") && text.contains("15 min."), "{text}");
            }
            Err(other) => panic!("{minutes}: {other}"),
        }
    }
}

#[test]
fn a_presigned_request_lives_as_long_as_it_says() {
    let sample = sample("presigned");
    assert!(sample.check_at(&keys(), SIGNED_AT + 3_600_000).is_ok());
    assert!(matches!(sample.check_at(&keys(), SIGNED_AT + 3_601_000), Err(AuthError::Expired(_))));
    assert!(matches!(sample.check_at(&keys(), SIGNED_AT - 16 * MINUTE), Err(AuthError::Skewed(_))));
    for expires in ["0", "604801", "x", "-1"] {
        let mut sample = sample.clone();
        sample.target = sample.target.replace("Expires=3600", &format!("Expires={expires}"));
        assert!(matches!(sample.check(), Err(AuthError::Incomplete(_))), "{expires}");
    }
}

#[test]
fn keys_tokens_and_secrets() {
    let good = sample("json");
    let mut unknown = good.clone();
    *unknown.header("authorization") = unknown.header("authorization").replace("AKIDEXAMPLE", "AKIDNOBODY");
    assert_eq!(unknown.check(), Err(AuthError::UnknownKey));
    let mut other = good.clone();
    *other.header("authorization") = other.header("authorization").replace("AKIDEXAMPLE", "AKIDOTHER");
    assert_eq!(other.check(), Err(AuthError::Differs), "bob's secret is another");
    let mut token = good.clone();
    token.headers.push(("X-Amz-Security-Token".to_owned(), "t".to_owned()));
    assert_eq!(token.check(), Err(AuthError::UnknownKey));
    let mut hashed = good.clone();
    hashed.headers.push(("X-Amz-Content-Sha256".to_owned(), "UNSIGNED-PAYLOAD".to_owned()));
    assert_eq!(hashed.check(), Err(AuthError::Differs), "only TLS may leave the body unsigned");
    assert!(!format!("{:?}", keys()).contains("wJalr"), "secrets are not printed");
}

#[test]
fn scopes_and_signed_headers() {
    let edit = |from: &str, to: &str| {
        let mut sample = sample("json");
        *sample.header("authorization") = sample.header("authorization").replace(from, to);
        sample.check()
    };
    assert!(matches!(edit("/20261101/", "/20261102/"), Err(AuthError::Scope(_))));
    assert!(matches!(edit("/20261101/", "/2026/"), Err(AuthError::Scope(_))));
    assert_eq!(edit("/eu-west-1/", "/eu-west-2/"), Err(AuthError::Differs));
    assert_eq!(edit("/sqs/", "/sns/"), Err(AuthError::Differs));
    assert!(matches!(edit("content-type;host;", "content-type;"), Err(AuthError::Incomplete(_))));
    assert!(matches!(edit(";x-amz-target", ""), Err(AuthError::Incomplete(_))));
}

#[test]
fn malformed_signatures_say_what_is_missing() {
    for (from, to, says) in [
        ("AWS4-HMAC-SHA256", "AWS3", "algorithm"),
        ("Credential=", "Cred=", "'Credential'"),
        ("SignedHeaders=", "Headers=", "'SignedHeaders'"),
        ("Signature=", "Sig=", "'Signature'"),
        ("/aws4_request", "", "5 slash-delimited"),
        ("AKIDEXAMPLE/", "/", "5 slash-delimited"),
    ] {
        let mut sample = sample("json");
        *sample.header("authorization") = sample.header("authorization").replace(from, to);
        let error = sample.check().unwrap_err();
        assert!(matches!(error, AuthError::Incomplete(_)) && error.to_string().contains(says), "{error}");
    }
    for name in ["X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Date"] {
        let mut sample = sample("presigned");
        sample.target = sample.target.replace(name, "X-Amz-Other");
        assert!(sample.check().unwrap_err().to_string().contains(name), "{name}");
    }
    let mut undated = sample("json");
    undated.headers.retain(|(name, _)| name != "X-Amz-Date");
    assert!(matches!(undated.check(), Err(AuthError::Incomplete(_))));
    let mut unsigned = sample("json");
    unsigned.headers.retain(|(name, _)| name != "Authorization");
    assert_eq!(unsigned.check(), Err(AuthError::Missing));
    let mut twice = sample("presigned");
    twice.headers.push(("Authorization".to_owned(), "AWS4-HMAC-SHA256 x".to_owned()));
    assert_eq!(twice.check(), Err(AuthError::Twice));
}

proptest::proptest! {
    #[test]
    fn whatever_is_sent_is_answered(
        authorization in "(AWS4-HMAC-SHA256 )?(Credential=[a-zA-Z0-9/]{0,40})?,? ?(SignedHeaders=[a-z;-]{0,20})?,? ?(Signature=[0-9a-f]{0,70})?",
        target in "/[!-~]{0,60}",
        date in "([0-9]{8}T[0-9]{6}Z)|[ -~]{0,40}",
    ) {
        let headers = [("Authorization", authorization), ("X-Amz-Date", date.clone()), ("Date", date), ("Host", "h".to_owned())];
        let sample = Sample {
            name: String::new(),
            method: "POST".to_owned(),
            target,
            headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
            body: String::new(),
        };
        proptest::prop_assert!(sample.check().is_err());
    }
}

#[test]
fn rejections_have_the_codes_clients_know() {
    for (error, name, code, status) in [
        (AuthError::Missing, "MissingAuthenticationTokenException", "MissingAuthenticationToken", 403),
        (AuthError::incomplete("x"), "IncompleteSignatureException", "IncompleteSignature", 400),
        (AuthError::UnknownKey, "UnrecognizedClientException", "InvalidClientTokenId", 403),
        (AuthError::Differs, "InvalidSignatureException", "SignatureDoesNotMatch", 403),
        (AuthError::Twice, "InvalidSignatureException", "SignatureDoesNotMatch", 403),
        (AuthError::Scope(String::new()), "InvalidSignatureException", "SignatureDoesNotMatch", 403),
        (AuthError::Skewed(String::new()), "InvalidSignatureException", "SignatureDoesNotMatch", 403),
        (AuthError::Expired(String::new()), "InvalidSignatureException", "RequestExpired", 400),
    ] {
        let answer = error.answer();
        assert_eq!((answer.name, answer.code, answer.status), (name, code, status));
    }
}
