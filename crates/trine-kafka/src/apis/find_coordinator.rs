//! FindCoordinator 0–6 → this broker, for every group. Coordinators of transactions and share groups do not exist: INVALID_REQUEST.

use kafka_wire::find_coordinator_response::Coordinator;

use super::{GROUP_READERS, control, message, text};
use crate::{
    connection::Ctx,
    error::{Close, ErrorCode},
    wire::{RequestHeader, Text},
};

/// Key type of consumer groups.
const GROUP: i8 = 0;
/// First version that asks for several at once.
const BATCH_FROM: i16 = 4;

pub(super) async fn handle(
    ctx: &Ctx,
    header: &RequestHeader,
    request: control::FindCoordinatorRequest,
) -> Result<control::FindCoordinatorResponse, Close> {
    let find = |key: Text| coordinator(ctx, request.key_type, key);
    if header.version >= BATCH_FROM {
        let coordinators = request.coordinator_keys.into_iter().map(find).collect();
        return Ok(message!(control::FindCoordinatorResponse { coordinators: coordinators }));
    }
    let found = find(request.key);
    Ok(message!(control::FindCoordinatorResponse {
        error_code: found.error_code,
        error_message: found.error_message,
        node_id: found.node_id,
        host: found.host,
        port: found.port,
    }))
}

fn coordinator(ctx: &Ctx, key_type: i8, key: Text) -> Coordinator {
    let refused = if key_type != GROUP {
        Some((ErrorCode::InvalidRequest, "only consumer groups have a coordinator here"))
    } else {
        match ctx.group(GROUP_READERS, &key) {
            // Whether the name will do is told by the group's own operations.
            Ok(_) | Err(ErrorCode::InvalidGroupId) => None,
            Err(code) => Some((code, "not allowed to use this group")),
        }
    };
    if let Some((code, message)) = refused {
        return message!(Coordinator {
            key: key,
            node_id: -1,
            port: -1,
            error_code: code.code(),
            error_message: text(message),
        });
    }
    let (host, port) = ctx.endpoint();
    message!(Coordinator { key: key, node_id: ctx.node_id(), host: host, port: port })
}
