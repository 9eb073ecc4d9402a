//! Which service and action a request is for (decision Q14).

use std::sync::Arc;

use crate::{Service, ServiceError, ServiceInfo};

/// A service and one of its actions.
pub(crate) type Target<'a> = (&'a Arc<dyn Service>, &'static str);

/// The action of a target header such as `AmazonSQS.SendMessage`.
pub(crate) fn by_target<'a>(services: &'a [Arc<dyn Service>], target: &str) -> Result<Target<'a>, ServiceError> {
    services
        .iter()
        .find_map(|service| {
            let action = target.strip_prefix(service.info().target_prefix)?;
            Some((service, known(service.info(), action)?))
        })
        .ok_or_else(ServiceError::unknown_operation)
}

/// The action of a form.
pub(crate) fn by_action<'a>(services: &'a [Arc<dyn Service>], action: &str) -> Result<Target<'a>, ServiceError> {
    services
        .iter()
        .filter(|service| service.info().query_xmlns.is_some())
        .find_map(|service| Some((service, known(service.info(), action)?)))
        .ok_or_else(|| ServiceError::invalid_action(action))
}

/// The namespace of an error answer to a form for no known action: that of the service the signature is for, else of the first service with forms.
pub(crate) fn xmlns(services: &[Arc<dyn Service>], signed_for: Option<&str>) -> Option<&'static str> {
    let mut infos = services.iter().map(|service| service.info()).filter(|info| info.query_xmlns.is_some());
    let first = infos.clone().next();
    let named = infos.find(|info| Some(info.signing_name) == signed_for);
    named.or(first).and_then(|info| info.query_xmlns)
}

fn known(info: &ServiceInfo, action: &str) -> Option<&'static str> {
    info.actions.iter().copied().find(|name| *name == action)
}
