//! One request: who it is from, which action it is for, what the answer is. Order: browser check, helpers, body, signature, parameters, action, call.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, Response, Uri, Version, body::Incoming};
use trine_broker::{BoxFuture, Principal};

use super::{
    Session,
    body::{self, BodyError, Received},
    dispatch, guard, health, host, origin,
    respond::{self, Answer, Style, XMLNS_NONE},
};
use crate::{
    Account, Call, Caller, Form, Headers, Helper, Malformed, Output, Params, Protocol, RequestId, ServiceError,
    sigv4::{self, AuthError, Credential, Given, Parts},
};

/// The header that names the action in JSON.
const TARGET: &str = "x-amz-target";
/// Longest region that is echoed.
const REGION_BYTES_MAX: usize = 32;

/// The header that proxies and SDKs put a trace in.
const TRACE_HEADER: &str = "x-amzn-trace-id";

/// A request without its body.
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: Headers,
}

impl Head {
    fn host(&self) -> &str {
        host::given(&self.headers, &self.uri)
    }

    fn query(&self) -> &str {
        self.uri.query().unwrap_or("")
    }

    fn text(&self, name: &str) -> &str {
        self.headers.text(name).unwrap_or("")
    }

    /// Whether JSON is accepted and XML is not. Bodies of forms are XML unless somebody asks.
    fn accepts_json(&self) -> bool {
        let accepted = self.text("accept");
        accepted.contains("application/json") && !accepted.contains("xml")
    }

    fn target(&self) -> Option<String> {
        self.headers.contains(TARGET).then(|| self.text(TARGET).to_owned())
    }

    fn is_form(&self) -> bool {
        // A raw client may send its form without a word about it.
        let kind = self.text("content-type");
        kind.is_empty() || kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
    }
}

/// Answers one request that hyper has read.
pub(crate) async fn handle(session: Arc<Session>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let _busy = session.watch.begin(request.version() == Version::HTTP_2);
    let (parts, body) = request.into_parts();
    let head = Head { method: parts.method, uri: parts.uri, headers: Headers::from(&parts.headers) };
    respond(&session, head, body::read(body, &session.inner.room)).await.into_response()
}

/// Answers one request; its body is read once it is known to be wanted.
pub(crate) async fn respond(
    session: &Arc<Session>,
    head: Head,
    body: impl Future<Output = Result<Received, BodyError>>,
) -> Answer {
    let id = session.inner.ids.next();
    if let Some(why) = origin::refusal(&head.headers, head.host()) {
        return respond::plain(id, 403, "text/plain", why.into());
    }
    let path = decoded_path(head.uri.path());
    let helper = session.inner.services.iter().any(|s| s.info().helper_prefix.is_some_and(|p| path.starts_with(p)));
    if helper || path == health::PATH {
        // In a box: it is rare, and would make the state of every request as large as its own.
        return Box::pin(help(session, id, head, path, body)).await;
    }
    let style = Style {
        protocol: if head.headers.contains(TARGET) { Protocol::Json } else { Protocol::Query },
        as_json: head.accepts_json(),
        json_11: head.text("content-type").starts_with("application/x-amz-json-1.1"),
        xmlns: dispatch::xmlns(&session.inner.services, None).unwrap_or(XMLNS_NONE),
        id,
    };
    let received = match body.await {
        Ok(received) => received,
        Err(error) => {
            count(&session.inner.counters.malformed);
            return respond::and_close(respond::failure(style, &unreadable(error)));
        }
    };
    let begun = match begin(session, style, head, path, received) {
        Ok(begun) => begun,
        Err(answer) => return *answer,
    };
    let Begun { style, action, call, received } = begun;
    let answer = match call.await {
        Ok(output) => respond::success(style, action, output),
        Err(error) => {
            session.inner.counters.failed(error.status);
            respond::failure(style, &error)
        }
    };
    drop(received);
    answer
}

/// A call that a service answers now. Nothing else of the request is left: its head lies in the connection's read buffer, which thousands of long polls
/// would hold.
struct Begun {
    style: Style,
    action: &'static str,
    call: BoxFuture<Result<Output, ServiceError>>,
    /// Its room is taken until the answer is ready.
    received: Received,
}

/// Everything up to the call itself, or the answer when it does not come to that.
fn begin(
    session: &Session,
    mut style: Style,
    head: Head,
    path: String,
    received: Received,
) -> Result<Begun, Box<Answer>> {
    let inner = &session.inner;
    let counters = &inner.counters;
    let form = form(&head, style.protocol, &received.bytes);
    if style.protocol == Protocol::Query
        && let Ok(form) = &form
        && form.get("Action").is_none_or(str::is_empty)
    {
        count(&counters.malformed);
        return Err(Box::new(respond::no_action(style.id)));
    }
    let empty = Form::default();
    let given = sigv4::find(&head.headers, form.as_ref().unwrap_or(&empty));
    let identity = match authenticate(session, &head, given, &received.bytes) {
        Ok(identity) => identity,
        Err(error) => {
            count(&counters.unauthenticated);
            tracing::debug!(peer = %session.peer, reason = %error, "a request was not let in");
            return Err(Box::new(respond::failure(style, &error.answer())));
        }
    };
    let signed_for = identity.credential.map(|credential| credential.service);
    if let Some(xmlns) = dispatch::xmlns(&inner.services, signed_for) {
        style.xmlns = xmlns;
    }
    let dispatched = match (style.protocol, &form) {
        (Protocol::Json, _) => dispatch::by_target(&inner.services, head.text(TARGET)),
        (Protocol::Query, Err(malformed)) => Err(ServiceError::malformed(malformed.to_string())),
        (Protocol::Query, Ok(form)) => dispatch::by_action(&inner.services, form.get("Action").unwrap_or("")),
    };
    let (service, action) = match dispatched {
        Ok(found) => found,
        Err(error) => {
            count(&counters.malformed);
            return Err(Box::new(respond::failure(style, &error)));
        }
    };
    let info = service.info();
    style.xmlns = info.query_xmlns.unwrap_or(style.xmlns);
    if let Some(service) = signed_for.filter(|signed_for| session.checked && *signed_for != info.signing_name) {
        count(&counters.unauthenticated);
        let shown = crate::error::shortened(service);
        let error = AuthError::Scope(format!(
            "Credential should be scoped to correct service: '{}', not '{shown}'.",
            info.signing_name
        ));
        return Err(Box::new(respond::failure(style, &error.answer())));
    }
    let region = identity.region(&inner.region).to_owned();
    let caller = identity.caller;
    let base_url = host::base_url(inner.public_url.as_deref(), head.host(), session.local);
    let params = match style.protocol {
        Protocol::Json => Params::Json(received.bytes.clone()),
        Protocol::Query => Params::Form(form.unwrap_or_default()),
    };
    let call = Call {
        protocol: style.protocol,
        action,
        params,
        path,
        base_url,
        region,
        caller,
        accounts: Arc::clone(&inner.accounts),
        access: Arc::clone(if session.checked { &inner.access } else { &inner.open }),
        peer: session.peer,
        trace: Some(head.text(TRACE_HEADER)).filter(|trace| !trace.is_empty()).map(str::to_owned),
        request_id: style.id,
        drain: session.drain.clone(),
    };
    counters.called(action);
    Ok(Begun { style, action, call: service.call(call), received })
}

/// Parameters of the query string and, in the Query protocol, of a form body.
fn form(head: &Head, protocol: Protocol, body: &Bytes) -> Result<Form, Malformed> {
    let mut form = Form::parse(head.query().as_bytes())?;
    if protocol == Protocol::Query && head.is_form() {
        form.add(body)?;
    }
    Ok(form)
}

/// Who a request says it is from, proven when signatures are checked.
struct Identity<'a> {
    caller: Caller,
    credential: Option<Credential<'a>>,
}

impl<'a> Identity<'a> {
    /// The region to echo: the signature's when it looks like one.
    fn region<'b>(&self, default: &'b str) -> &'b str
    where
        'a: 'b,
    {
        let given = self.credential.map(|credential| credential.region).filter(|region| {
            region.len() <= REGION_BYTES_MAX && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        });
        given.unwrap_or(default)
    }
}

fn authenticate<'a>(
    session: &Session,
    head: &Head,
    given: Result<Option<Given<'a>>, AuthError>,
    body: &Bytes,
) -> Result<Identity<'a>, AuthError> {
    let inner = &session.inner;
    if !session.checked {
        // Any key and any signature will do, and none.
        let credential = given.ok().flatten().map(|given| given.credential);
        let access_key_id = credential.map(|credential| credential.access_key_id);
        let account = access_key_id.filter(|id| Account::is_account(id)).unwrap_or("");
        let namespace = inner.accounts.namespace_of(account);
        let access_key_id = access_key_id.map(str::to_owned);
        let caller = Caller { principal: Principal::ANONYMOUS, access_key_id, namespace, confined: false };
        return Ok(Identity { caller, credential });
    }
    let given = given?.ok_or(AuthError::Missing)?;
    let parts = Parts {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.query(),
        headers: &head.headers,
        host: head.host(),
    };
    let key = sigv4::verify(&inner.keys, &given, parts, body, inner.clock.wall())?;
    let caller = Caller {
        principal: Principal::user(key.user()),
        access_key_id: Some(given.credential.access_key_id.to_owned()),
        namespace: key.namespace().clone(),
        confined: true,
    };
    Ok(Identity { caller, credential: Some(given.credential) })
}

/// A helper path or the health page.
async fn help(
    session: &Arc<Session>,
    id: RequestId,
    head: Head,
    path: String,
    body: impl Future<Output = Result<Received, BodyError>>,
) -> Answer {
    let inner = &session.inner;
    if session.checked
        && let Err((status, why)) = guard::admit(inner, &head.headers).await
    {
        let mut answer = respond::plain(id, status, "text/plain", why.into());
        answer.ask_basic = status == 401;
        return answer;
    }
    if path == health::PATH {
        return respond::plain(id, 200, "application/json", health::body(inner));
    }
    let received = match body.await {
        Ok(received) => received,
        Err(error) => {
            let error = unreadable(error);
            return respond::and_close(respond::plain(id, error.status, "text/plain", error.to_string().into()));
        }
    };
    let params = match form(&head, Protocol::Query, &received.bytes) {
        Ok(params) => params,
        Err(malformed) => return respond::plain(id, 400, "text/plain", malformed.to_string().into()),
    };
    let request = Helper {
        method: head.method.as_str().to_owned(),
        target: head.target(),
        body: received.bytes.clone(),
        base_url: host::base_url(inner.public_url.as_deref(), head.host(), session.local),
        accounts: Arc::clone(&inner.accounts),
        region: inner.region.clone(),
        request_id: id,
        path: path.clone(),
        params,
    };
    let service = inner.services.iter().find(|s| s.info().helper_prefix.is_some_and(|p| path.starts_with(p)));
    let answered = match service {
        Some(service) => service.helper(request).await,
        None => None,
    };
    match answered {
        Some(answer) if answer.content_type == respond::XML && head.accepts_json() => {
            respond::negotiated(id, answer.status, answer.body)
        }
        Some(answer) => respond::plain(id, answer.status, answer.content_type, answer.body),
        None => respond::plain(id, 404, "text/plain", Bytes::from_static(b"there is nothing here")),
    }
}

fn unreadable(error: BodyError) -> ServiceError {
    let message = error.to_string();
    match error {
        BodyError::TooLarge => {
            ServiceError::framework("RequestEntityTooLargeException", "RequestEntityTooLarge", 413, message)
        }
        BodyError::TooSlow => ServiceError::framework("RequestTimeoutException", "RequestTimeout", 408, message),
        BodyError::Broken => ServiceError::malformed(message),
    }
}

/// A path for look-ups; what is not UTF-8 matches nothing.
fn decoded_path(raw: &str) -> String {
    if !raw.contains('%') {
        return raw.to_owned();
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if let (b'%', [high, low, after @ ..]) = (first, tail)
            && let (Some(high), Some(low)) = (crate::document::hex(*high), crate::document::hex(*low))
        {
            bytes.push(high << 4 | low);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn count(counter: &std::sync::atomic::AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
