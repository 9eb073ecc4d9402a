//! What an action sees of the server and of the call it answers.

use std::sync::Arc;

use trine_aws::Call;
use trine_broker::{Action, QueueRef, Queues, Resource, ResourceKind};
use trine_core::queues::QueueSettings;
use trine_types::{Namespace, QueueName};

use crate::{
    ErrorKind, SqsError,
    attributes::Others,
    name::{self, Place},
    names::Names,
    service::Inner,
};

/// One call.
pub(crate) struct Context<'a> {
    /// The edge.
    pub(crate) service: &'a Inner,
    /// The call.
    pub(crate) call: &'a Call,
}

impl<'a> Context<'a> {
    /// The broker's queues.
    pub(crate) const fn queues(&self) -> Queues<'a> {
        self.service.broker.queues()
    }

    /// The namespace of queues that are named without an account.
    pub(crate) const fn namespace(&self) -> &'a Namespace {
        &self.call.caller.namespace
    }

    /// Asks whether the caller may.
    pub(crate) fn authorize(&self, namespace: &Namespace, action: Action, name: &str) -> Result<(), SqsError> {
        let caller = &self.call.caller;
        if caller.confined && *namespace != caller.namespace {
            return Err(SqsError::new(
                ErrorKind::AccessDenied,
                format!("{} belongs to another account than the queue {name}.", caller.principal),
            ));
        }
        let resource = Resource { kind: ResourceKind::Queue, name };
        self.call
            .access
            .check(&caller.principal, action, resource)
            .map_err(|denied| SqsError::new(ErrorKind::AccessDenied, format!("{denied}.")))
    }

    /// Where the queue of a request is: the URL says it, in Query else the path the request was sent to.
    pub(crate) fn place<'b>(&'b self, url: Option<&'b str>) -> Result<Place<'b>, SqsError> {
        match url.filter(|url| !url.is_empty()) {
            Some(url) => Place::of_url(url).ok_or_else(SqsError::no_queue),
            None => {
                let query = self.call.protocol == trine_aws::Protocol::Query;
                let place = query.then(|| Place::of_path(&self.call.path)).flatten();
                place.ok_or_else(|| SqsError::missing("QueueUrl"))
            }
        }
    }

    /// The queue of a request, if the caller may do `action` with it.
    pub(crate) fn queue(&self, url: Option<&str>, action: Action) -> Result<QueueRef, SqsError> {
        self.at(self.place(url)?, action)
    }

    /// The queue at a place, if the caller may do `action` with it.
    pub(crate) fn at(&self, place: Place<'_>, action: Action) -> Result<QueueRef, SqsError> {
        let namespace = self.namespace_of(place.account);
        let name = name::parse_existing(place.name)?;
        self.authorize(&namespace, action, name.as_str())?;
        self.queues().get(&namespace, &name).ok_or_else(SqsError::no_queue)
    }

    /// The queue of an ARN given as `parameter`, if the caller may do `action` with it.
    pub(crate) fn of_arn(&self, arn: &str, parameter: &str, action: Action) -> Result<QueueRef, SqsError> {
        let place = Place::of_arn(arn).ok_or_else(|| SqsError::no_resource(parameter))?;
        self.at(place, action).map_err(|error| match error.kind {
            ErrorKind::QueueDoesNotExist => SqsError::no_resource(parameter),
            _ => error,
        })
    }

    fn namespace_of(&self, account: Option<&str>) -> Namespace {
        match account {
            Some(account) => self.call.accounts.namespace_of(account),
            None => self.namespace().clone(),
        }
    }

    /// What ARNs are made of.
    pub(crate) fn names(&self) -> Names<'a> {
        Names { accounts: &self.call.accounts, region: &self.call.region }
    }

    /// A queue's URL under the address the client used.
    pub(crate) fn url(&self, queue: &QueueRef) -> String {
        name::url(&self.call.base_url, self.names().account_of(&queue.namespace()), queue.name().as_str())
    }

    /// A queue's ARN.
    pub(crate) fn arn(&self, queue: &QueueRef) -> String {
        self.names().arn(&queue.namespace(), &queue.name())
    }

    /// The queues beside a queue of a namespace.
    pub(crate) fn others(&self, namespace: &Namespace) -> InNamespace<'_, 'a> {
        InNamespace { cx: self, namespace: namespace.clone() }
    }

    /// Who sends: the user, else the account; an access key that nobody checked says nothing.
    pub(crate) fn sender(&self) -> String {
        let caller = &self.call.caller;
        caller.principal.name().unwrap_or_else(|| self.names().account_of(&caller.namespace)).to_owned()
    }

    /// The trace of the HTTP request.
    pub(crate) fn trace_header(&self) -> Option<&'a str> {
        self.call.trace.as_deref()
    }

    /// Shown as who holds messages.
    pub(crate) fn consumer(&self) -> String {
        let caller = &self.call.caller;
        match caller.principal.name().or(caller.access_key_id.as_deref()) {
            Some(who) => format!("{who}@{}", self.call.peer.ip()),
            None => self.call.peer.ip().to_string(),
        }
    }
}

/// Queues of one namespace.
pub(crate) struct InNamespace<'b, 'a> {
    cx: &'b Context<'a>,
    namespace: Namespace,
}

impl Others for InNamespace<'_, '_> {
    fn name_of(&self, arn: &str) -> Option<QueueName> {
        let place = Place::of_arn(arn)?;
        let same = self.cx.namespace_of(place.account) == self.namespace;
        same.then(|| name::parse_existing(place.name).ok()).flatten()
    }

    fn settings(&self, name: &QueueName) -> Option<Arc<QueueSettings>> {
        Some(self.cx.queues().get(&self.namespace, name)?.settings())
    }

    fn arn_of(&self, name: &QueueName) -> String {
        self.cx.names().arn(&self.namespace, name)
    }
}
