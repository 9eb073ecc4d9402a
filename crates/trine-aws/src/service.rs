//! What a service is to this crate.

use bytes::Bytes;
use trine_broker::BoxFuture;

use crate::{Call, Form, Output, ServiceError};

/// What is fixed about a service.
#[derive(Clone, Copy, Debug)]
pub struct ServiceInfo {
    /// Name in logs and metrics: `sqs`.
    pub name: &'static str,
    /// What `X-Amz-Target` begins with, with the dot: `AmazonSQS.`.
    pub target_prefix: &'static str,
    /// The service in the scope of signatures: `sqs`.
    pub signing_name: &'static str,
    /// Namespace of the answers to Query requests; `None`: the service has no Query protocol.
    pub query_xmlns: Option<&'static str>,
    /// All actions, by their names on the wire.
    pub actions: &'static [&'static str],
    /// Paths of helpers begin with this (`/_aws/sqs/`); `None`: there are none.
    pub helper_prefix: Option<&'static str>,
}

/// A service on the AWS port. Shared by all connections.
pub trait Service: Send + Sync + 'static {
    /// What is fixed about it.
    fn info(&self) -> &'static ServiceInfo;

    /// Answers a call of one of its actions. The future is dropped when the client goes away: a long poll must then have taken nothing. When
    /// [`Call::drain`] fires, a long poll answers at once with what it has.
    fn call(&self, call: Call) -> BoxFuture<Result<Output, ServiceError>>;

    /// Answers a request below [`ServiceInfo::helper_prefix`]; `None`: there is no such path.
    fn helper(&self, request: Helper) -> BoxFuture<Option<HelperAnswer>> {
        let _ = request;
        Box::pin(std::future::ready(None))
    }
}

/// A request to a helper path, such as another emulator's look into a queue.
#[derive(Debug)]
pub struct Helper {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, percent-decoded.
    pub path: String,
    /// Parameters of the query string and of a form body.
    pub params: Form,
    /// `X-Amz-Target`: the request and its answer are of the JSON protocol. Without it the answer is XML; who does not accept that gets it converted.
    pub target: Option<String>,
    /// The body, as it came.
    pub body: Bytes,
    /// `http://host:port` as the client called it.
    pub base_url: String,
    /// Namespaces and their accounts.
    pub accounts: std::sync::Arc<crate::Accounts>,
    /// The region to show.
    pub region: String,
    /// Id for the answer.
    pub request_id: crate::RequestId,
}

/// The answer of a helper.
#[derive(Clone, Debug)]
pub struct HelperAnswer {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
}
