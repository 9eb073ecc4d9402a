//! ListPartitionReassignments 0 → none: partitions never move. Tools that describe topics ask.

use super::{control, message};
use crate::{connection::Ctx, error::Close, wire::RequestHeader};

pub(super) async fn handle(
    _: &Ctx,
    _: &RequestHeader,
    _: control::ListPartitionReassignmentsRequest,
) -> Result<control::ListPartitionReassignmentsResponse, Close> {
    Ok(message!(control::ListPartitionReassignmentsResponse { topics: Vec::new() }))
}
