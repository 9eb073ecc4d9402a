//! A request, whatever its protocol.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use trine_broker::{Access, Action, Principal, Resource};
use trine_net::DrainSignal;
use trine_types::Namespace;

use crate::{Account, Accounts, Document, Form, Malformed, Output, RequestId, ServiceError, document};

/// How a request is written and its answer wanted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Protocol {
    /// JSON 1.0 (or 1.1) with `X-Amz-Target`.
    Json,
    /// A form with `Action`; answers are XML.
    Query,
}

/// The parameters as they came.
#[derive(Clone, Debug)]
pub enum Params {
    /// One JSON object; nothing means an empty one.
    Json(Bytes),
    /// Flattened members.
    Form(Form),
}

impl Params {
    /// The parameters, typed. What the type does not know is ignored.
    pub fn decode<T: Document + DeserializeOwned>(&self) -> Result<T, Malformed> {
        document::decode(self)
    }
}

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user whose key signed; anonymous without users.
    pub principal: Principal,
    /// The access key id as given, proven or not.
    pub access_key_id: Option<String>,
    /// Namespace of objects that are named without an account.
    pub namespace: Namespace,
    /// Whether the caller is held to its namespace: so it is once users are configured.
    pub confined: bool,
}

/// One call of an action.
#[derive(Debug)]
pub struct Call {
    /// How the answer is wanted.
    pub protocol: Protocol,
    /// The action; one of [`crate::ServiceInfo::actions`].
    pub action: &'static str,
    /// Its parameters.
    pub params: Params,
    /// Path of the request, percent-decoded: in Query it can name the queue.
    pub path: String,
    /// `http://host:port` as the client called it, for URLs in answers.
    pub base_url: String,
    /// The region of the signature's scope, else the configured one. Echoed, never identity (decision Q11).
    pub region: String,
    /// Who calls.
    pub caller: Caller,
    /// Namespaces and their accounts.
    pub accounts: Arc<Accounts>,
    /// What users may do at this listener; see [`Call::allow`].
    pub access: Arc<Access>,
    /// The client's address.
    pub peer: SocketAddr,
    /// What `X-Amzn-Trace-Id` says: the one header that means something to an action.
    pub trace: Option<String>,
    /// The id in the answer.
    pub request_id: RequestId,
    /// Fires when the server goes down: long polls answer.
    pub drain: DrainSignal,
}

impl Call {
    /// The request, typed. A member that is absent is the type's business.
    pub fn request<T: Document + DeserializeOwned>(&self) -> Result<T, ServiceError> {
        self.params.decode().map_err(|malformed| ServiceError::malformed(malformed.to_string()))
    }

    /// An answer with members.
    pub fn answer<T: Document + Serialize>(&self, reply: &T) -> Result<Output, ServiceError> {
        Output::new(self.protocol, self.action, reply)
    }

    /// The account that answers show for a namespace.
    #[must_use]
    pub fn account_of(&self, namespace: &Namespace) -> &Account {
        self.accounts.account_of(namespace)
    }

    /// The namespace meant by the account of a URL or ARN, or by none. A user of one namespace has no business in another.
    pub fn namespace_of(&self, account: Option<&str>) -> Result<Namespace, ServiceError> {
        let Some(account) = account else { return Ok(self.caller.namespace.clone()) };
        let namespace = self.accounts.namespace_of(account);
        if self.caller.confined && namespace != self.caller.namespace {
            let who = &self.caller.principal;
            return Err(ServiceError::access_denied(format!("{who} belongs to another account than {account}")));
        }
        Ok(namespace)
    }

    /// The access check every action makes before it does or tells anything.
    pub fn allow(&self, action: Action, resource: Resource<'_>) -> Result<(), ServiceError> {
        let checked = self.access.check(&self.caller.principal, action, resource);
        checked.map_err(|denied| ServiceError::access_denied(denied.to_string()))
    }
}
