//! DeleteGroups 0–2 → deletes empty groups with their commits.

use kafka_wire::delete_groups_response::DeletableGroupResult;
use trine_broker::Action;

use super::{control, message};
use crate::{
    connection::Ctx,
    error::{self, Close, ErrorCode},
    wire::RequestHeader,
};

pub(super) async fn handle(
    ctx: &Ctx,
    _: &RequestHeader,
    request: control::DeleteGroupsRequest,
) -> Result<control::DeleteGroupsResponse, Close> {
    let mut results = Vec::new();
    for name in request.groups_names {
        let code = match ctx.group(&[Action::Delete], &name) {
            Err(code) => code,
            Ok(group) => match ctx.kafka.broker.groups().delete(&group).await {
                Ok(()) => ErrorCode::None,
                Err(failed) => error::group(&failed)?,
            },
        };
        results.push(message!(DeletableGroupResult { group_id: name, error_code: code.code() }));
    }
    Ok(message!(control::DeleteGroupsResponse { results: results }))
}
