//! The edge as the AWS port sees it.

use std::sync::Arc;

use trine_aws::{Call, Helper, HelperAnswer, Output, Service, ServiceError, ServiceInfo};
use trine_broker::{BoxFuture, Broker};
use trine_env::Clock;

use crate::{SqsConfig, peek, purges::Purges, table};

/// Namespace of XML answers.
pub(crate) const XMLNS: &str = "http://queue.amazonaws.com/doc/2012-11-05/";

/// What is fixed about the service.
static INFO: ServiceInfo = ServiceInfo {
    name: "sqs",
    target_prefix: "AmazonSQS.",
    signing_name: "sqs",
    query_xmlns: Some(XMLNS),
    actions: &table::NAMES,
    helper_prefix: Some("/_aws/sqs/"),
};

/// The SQS edge. Clones share it.
#[derive(Clone)]
pub struct Sqs {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) broker: Broker,
    pub(crate) config: SqsConfig,
    /// Time between purges.
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) purges: Purges,
}

impl Sqs {
    /// An edge in front of a broker.
    #[must_use]
    pub fn new(broker: Broker, config: SqsConfig, clock: Arc<dyn Clock>) -> Self {
        Self { inner: Arc::new(Inner { broker, config, clock, purges: Purges::default() }) }
    }
}

impl Service for Sqs {
    fn info(&self) -> &'static ServiceInfo {
        &INFO
    }

    fn call(&self, call: Call) -> BoxFuture<Result<Output, ServiceError>> {
        table::dispatch(Arc::clone(&self.inner), call)
    }

    fn helper(&self, request: Helper) -> BoxFuture<Option<HelperAnswer>> {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move { peek::answer(&inner, request).await })
    }
}
