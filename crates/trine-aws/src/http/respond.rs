//! Answers as they go over the wire.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    header::{CONNECTION, CONTENT_TYPE, HeaderValue},
};
use serde::Serialize;

use crate::{
    Output, Protocol, RequestId, ServiceError,
    document::{escape_into, json_of_xml},
};

/// An answer of this crate.
pub(crate) type Answer = Response<Full<Bytes>>;

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
    let mut response = answer(style, error.status, body.into());
    if style.protocol == Protocol::Json
        && let Ok(value) = HeaderValue::try_from(format!("{};{}", error.code, error.fault()))
    {
        response.headers_mut().insert(QUERY_ERROR, value);
    }
    response
}

/// What a request for no action gets, whatever it accepts.
pub(crate) fn no_action(id: RequestId) -> Answer {
    plain(id, 404, XML, Bytes::from_static(b"<UnknownOperationException/>"))
}

/// Any body.
pub(crate) fn plain(id: RequestId, status: u16, content_type: &'static str, body: Bytes) -> Answer {
    let mut response = Response::new(Full::new(body));
    // Statuses are ours; one out of range would be a bug, and a server error says so.
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The same answer, and the connection ends after it: what follows in it cannot be trusted.
pub(crate) fn and_close(mut response: Answer) -> Answer {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
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
