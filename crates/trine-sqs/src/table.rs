//! The table of actions: names, who may be allowed them, what they need, where they are.

use std::sync::Arc;

use trine_aws::{Call, Output, Protocol, ServiceError};
use trine_broker::BoxFuture;

use crate::{
    SqsError,
    actions::{self, Answer},
    context::Context,
    service::Inner,
};

/// One action.
#[derive(Clone, Copy)]
pub struct ActionSpec {
    /// Name on the wire.
    pub name: &'static str,
    /// Whether AddPermission cannot allow it to others.
    pub owner_only: bool,
    /// Whether it is about one queue, named by URL.
    pub needs_queue: bool,
    pub(crate) run: Handler,
}

pub(crate) type Handler = fn(Arc<Inner>, Call) -> BoxFuture<Result<Output, ServiceError>>;

macro_rules! action {
    ($name:literal, $module:ident, $owner_only:expr, $needs_queue:expr) => {
        ActionSpec {
            name: $name,
            owner_only: $owner_only,
            needs_queue: $needs_queue,
            run: |service, call| {
                Box::pin(async move {
                    let request: actions::$module::Request = call.request()?;
                    let cx = Context { service: &service, call: &call };
                    let reply = actions::$module::run(&cx, request).await.map_err(SqsError::into_service)?;
                    reply.write(&call)
                })
            },
        }
    };
}

const OWNER: bool = true;
const SHARED: bool = false;
const QUEUE: bool = true;
const NO_QUEUE: bool = false;

/// All actions, by name.
pub const ACTIONS: &[ActionSpec] = &[
    action!("AddPermission", add_permission, OWNER, QUEUE),
    action!("CancelMessageMoveTask", cancel_message_move_task, OWNER, NO_QUEUE),
    action!("ChangeMessageVisibility", change_message_visibility, SHARED, QUEUE),
    action!("ChangeMessageVisibilityBatch", change_message_visibility_batch, OWNER, QUEUE),
    action!("CreateQueue", create_queue, OWNER, NO_QUEUE),
    action!("DeleteMessage", delete_message, SHARED, QUEUE),
    action!("DeleteMessageBatch", delete_message_batch, OWNER, QUEUE),
    action!("DeleteQueue", delete_queue, OWNER, QUEUE),
    action!("GetQueueAttributes", get_queue_attributes, SHARED, QUEUE),
    action!("GetQueueUrl", get_queue_url, SHARED, NO_QUEUE),
    action!("ListDeadLetterSourceQueues", list_dead_letter_source_queues, SHARED, QUEUE),
    action!("ListMessageMoveTasks", list_message_move_tasks, OWNER, NO_QUEUE),
    action!("ListQueueTags", list_queue_tags, OWNER, QUEUE),
    action!("ListQueues", list_queues, OWNER, NO_QUEUE),
    action!("PurgeQueue", purge_queue, SHARED, QUEUE),
    action!("ReceiveMessage", receive_message, SHARED, QUEUE),
    action!("RemovePermission", remove_permission, OWNER, QUEUE),
    action!("SendMessage", send_message, SHARED, QUEUE),
    action!("SendMessageBatch", send_message_batch, OWNER, QUEUE),
    action!("SetQueueAttributes", set_queue_attributes, OWNER, QUEUE),
    action!("StartMessageMoveTask", start_message_move_task, OWNER, NO_QUEUE),
    action!("TagQueue", tag_queue, OWNER, QUEUE),
    action!("UntagQueue", untag_queue, OWNER, QUEUE),
];

/// The names alone.
pub(crate) const NAMES: [&str; ACTIONS.len()] = {
    let mut names = [""; ACTIONS.len()];
    let mut i = 0;
    while i < ACTIONS.len() {
        names[i] = ACTIONS[i].name;
        i += 1;
    }
    names
};

/// Actions that a queue's own path does not have in the Query protocol.
const NOT_ON_A_QUEUE: [&str; 2] = ["CreateQueue", "ListQueues"];

/// The action of a name.
pub(crate) fn find(name: &str) -> Option<&'static ActionSpec> {
    ACTIONS.binary_search_by(|spec| spec.name.cmp(name)).ok().and_then(|i| ACTIONS.get(i))
}

/// Whether the owner of a queue can allow an action to others; `None`: there is no such action.
pub(crate) fn open_to_others(name: &str) -> Option<bool> {
    if name == "*" { Some(true) } else { find(name).map(|spec| !spec.owner_only) }
}

/// Runs the action of a call.
pub(crate) fn dispatch(service: Arc<Inner>, call: Call) -> BoxFuture<Result<Output, ServiceError>> {
    let on_a_queue = call.protocol == Protocol::Query && crate::name::Place::of_path(&call.path).is_some();
    match find(call.action) {
        Some(spec) if !(on_a_queue && NOT_ON_A_QUEUE.contains(&spec.name)) => (spec.run)(service, call),
        _ => Box::pin(std::future::ready(Err(ServiceError::invalid_action(call.action)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_sorted_and_all_there() {
        assert_eq!(ACTIONS.len(), 23);
        assert!(ACTIONS.is_sorted_by_key(|spec| spec.name));
        assert!(ACTIONS.iter().all(|spec| find(spec.name).is_some_and(|found| found.name == spec.name)));
        assert!(find("Fly").is_none());
    }

    #[test]
    fn what_can_be_allowed_to_others() {
        let open: Vec<_> = ACTIONS.iter().filter(|spec| !spec.owner_only).map(|spec| spec.name).collect();
        assert_eq!(
            open,
            [
                "ChangeMessageVisibility",
                "DeleteMessage",
                "GetQueueAttributes",
                "GetQueueUrl",
                "ListDeadLetterSourceQueues",
                "PurgeQueue",
                "ReceiveMessage",
                "SendMessage",
            ]
        );
        assert_eq!(
            (open_to_others("*"), open_to_others("CreateQueue"), open_to_others("x")),
            (Some(true), Some(false), None)
        );
    }
}
