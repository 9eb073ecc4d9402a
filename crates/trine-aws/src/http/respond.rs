//! Answers as they go over the wire.

use std::io::Write as _;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    header::{CONNECTION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE},
};
use serde::Serialize;

use crate::{
    Output, Protocol, RequestId, ServiceError,
    document::{escape_into, json_of_xml},
};

/// An answer of this crate, before it is written by whoever serves the connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    status: StatusCode,
    content_type: &'static str,
    id: RequestId,
    /// Code of the Query protocol and whose fault it is, of an error in JSON.
    query_error: Option<(&'static str, &'static str)>,
    /// Asks for HTTP Basic.
    pub(crate) ask_basic: bool,
    /// The connection ends after it.
    pub(crate) close: bool,
    body: Bytes,
}

/// Asks for HTTP Basic.
const BASIC: &str = "Basic realm=\"trine\"";

impl Answer {
    /// As hyper writes it.
    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if let Ok(value) = HeaderValue::try_from(self.id.to_text()) {
            headers.insert(REQUEST_ID, value);
        }
        if let Some((code, fault)) = self.query_error
            && let Ok(value) = HeaderValue::try_from(format!("{code};{fault}"))
        {
            headers.insert(QUERY_ERROR, value);
        }
        if self.ask_basic {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(BASIC));
        }
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// As HTTP/1.1, the whole of it.
    pub(crate) fn write(&self, date: &str, out: &mut Vec<u8>) {
        out.reserve(HEAD_BYTES + self.body.len());
        let mut put = |parts: &[&str]| parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
        let reason = self.status.canonical_reason().unwrap_or_default();
        put(&["HTTP/1.1 ", self.status.as_str(), " ", reason, "\r\ncontent-type: ", self.content_type]);
        put(&["\r\n", REQUEST_ID, ": ", &self.id.to_text()]);
        if let Some((code, fault)) = self.query_error {
            put(&["\r\n", QUERY_ERROR, ": ", code, ";", fault]);
        }
        if self.ask_basic {
            put(&["\r\nwww-authenticate: ", BASIC]);
        }
        if self.close {
            put(&["\r\nconnection: close"]);
        }
        put(&["\r\ndate: ", date, "\r\ncontent-length: "]);
        // Writing to memory cannot fail.
        let _ = write!(out, "{}\r\n\r\n", self.body.len());
        out.extend_from_slice(&self.body);
    }
}

/// Room for the head of an answer.
const HEAD_BYTES: usize = 256;

/// The header with the request's id.
const REQUEST_ID: &str = "x-amzn-requestid";
/// The header with the Query code of an error.
const QUERY_ERROR: &str = "x-amzn-query-error";
const JSON_10: &str = "application/x-amz-json-1.0";
const JSON_11: &str = "application/x-amz-json-1.1";
/// Content type of answers to forms.
pub(crate) const XML: &str = "text/xml";
const JSON: &str = "application/json";

/// How the answer to one request is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// The protocol.
    pub(crate) protocol: Protocol,
    /// JSON 1.1 was sent: the answer names the same.
    pub(crate) json_11: bool,
    /// The client of a form accepts JSON and not XML.
    pub(crate) as_json: bool,
    /// Namespace of XML answers.
    pub(crate) xmlns: &'static str,
    /// The request's id.
    pub(crate) id: RequestId,
}

/// What a Query answer's namespace is when no service is concerned.
pub(crate) const XMLNS_NONE: &str = "http://webservices.amazon.com/AWSFault/2005-15-09";

/// A success.
pub(crate) fn success(style: Style, action: &str, output: Output) -> Answer {
    let body = match style.protocol {
        Protocol::Json => output.body.into(),
        Protocol::Query => {
            let mut text = Vec::with_capacity(output.body.len() + 256);
            text.extend_from_slice(
                format!("<?xml version=\"1.0\"?><{action}Response xmlns=\"{}\">", style.xmlns).as_bytes(),
            );
            text.extend_from_slice(&output.body);
            let end =
                format!("<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{action}Response>", style.id);
            text.extend_from_slice(end.as_bytes());
            text.into()
        }
    };
    answer(style, 200, body)
}

/// A failure.
pub(crate) fn failure(style: Style, error: &ServiceError) -> Answer {
    #[derive(Serialize)]
    struct Json<'a> {
        #[serde(rename = "__type")]
        kind: &'a str,
        message: &'a str,
    }
    let body = match style.protocol {
        Protocol::Json => {
            let kind = format!("{}{}", error.namespace, error.name);
            // Two texts always can be written.
            serde_json::to_vec(&Json { kind: &kind, message: &error.message }).unwrap_or_default()
        }
        Protocol::Query => {
            let mut text = format!(
                "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"{}\"><Error><Type>{}</Type><Code>{}</Code><Message>",
                style.xmlns,
                error.fault(),
                error.code
            );
            escape_into(&mut text, error.query_text());
            text.push_str(&format!("</Message><Detail/></Error><RequestId>{}</RequestId></ErrorResponse>", style.id));
            text.into_bytes()
        }
    };
    let mut answer = answer(style, error.status, body.into());
    if style.protocol == Protocol::Json {
        answer.query_error = Some((error.code, error.fault()));
    }
    answer
}

/// What a request for no action gets, whatever it accepts.
pub(crate) fn no_action(id: RequestId) -> Answer {
    plain(id, 404, XML, Bytes::from_static(b"<UnknownOperationException/>"))
}

/// Any body.
pub(crate) fn plain(id: RequestId, status: u16, content_type: &'static str, body: Bytes) -> Answer {
    // Statuses are ours; one out of range would be a bug, and a server error says so.
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Answer { status, content_type, id, query_error: None, ask_basic: false, close: false, body }
}

/// The same answer, and the connection ends after it: what follows in it cannot be trusted.
pub(crate) fn and_close(answer: Answer) -> Answer {
    Answer { close: true, ..answer }
}

fn answer(style: Style, status: u16, body: Bytes) -> Answer {
    match (style.protocol, style.json_11) {
        (Protocol::Json, false) => plain(style.id, status, JSON_10, body),
        (Protocol::Json, true) => plain(style.id, status, JSON_11, body),
        (Protocol::Query, _) if style.as_json => negotiated(style.id, status, body),
        (Protocol::Query, _) => plain(style.id, status, XML, body),
    }
}

/// An answer to a form, written as XML, in JSON.
pub(crate) fn negotiated(id: RequestId, status: u16, xml: Bytes) -> Answer {
    match std::str::from_utf8(&xml).ok().and_then(json_of_xml) {
        Some(value) => plain(id, status, JSON, value.to_string().into()),
        // Only an answer that is a bug cannot be converted; it is better than none.
        None => plain(id, status, XML, xml),
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use trine_env::SystemRng;

    use super::*;
    use crate::request_id::RequestIds;

    #[tokio::test]
    async fn both_ways_of_writing_say_the_same() {
        let id = RequestIds::new(&SystemRng).next();
        let style = Style { protocol: Protocol::Json, json_11: false, as_json: false, xmlns: "x", id };
        let mut asks = plain(id, 401, "text/plain", Bytes::from_static(b"who?"));
        asks.ask_basic = true;
        for answer in [
            plain(id, 200, XML, Bytes::new()),
            and_close(failure(style, &ServiceError::malformed("no"))),
            failure(Style { protocol: Protocol::Query, ..style }, &ServiceError::internal()),
            asks,
        ] {
            let mut raw = Vec::new();
            answer.write("today", &mut raw);
            let raw = String::from_utf8(raw).unwrap();
            let (head, body) = raw.split_once("\r\n\r\n").unwrap();
            let mut lines: Vec<String> = head.lines().map(str::to_owned).collect();
            let (parts, whole) = answer.into_response().into_parts();
            let whole = whole.collect().await.unwrap().to_bytes();
            assert_eq!(body.as_bytes(), whole);
            let mut expected: Vec<String> = parts
                .headers
                .iter()
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                .chain([format!("HTTP/1.1 {}", parts.status), format!("content-length: {}", whole.len())])
                .chain(["date: today".to_owned()])
                .collect();
            lines.sort_unstable();
            expected.sort_unstable();
            assert_eq!(lines, expected);
        }
    }
}
