//! DescribeCluster 0–2 → the one broker. Endpoint type 2 (controllers) does not exist here.

use kafka_wire::describe_cluster_response::DescribeClusterBroker;

use super::{OPERATIONS_UNKNOWN, control, message, text};
use crate::{
    connection::Ctx,
    error::{Close, ErrorCode},
    wire::RequestHeader,
};

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub(super) async fn handle(
    ctx: &Ctx,
    header: &RequestHeader,
    request: control::DescribeClusterRequest,
) -> Result<control::DescribeClusterResponse, Close> {
    let asked = if header.version >= 1 { request.endpoint_type } else { BROKERS };
    let refused = match asked {
        BROKERS => None,
        CONTROLLERS => Some((ErrorCode::MismatchedEndpointType, "this is a broker's listener, not a controller's")),
        _ => Some((ErrorCode::UnsupportedEndpointType, "there are no endpoints of this type")),
    };
    if let Some((code, why)) = refused {
        return Ok(message!(control::DescribeClusterResponse {
            error_code: code.code(),
            error_message: text(why),
            controller_id: -1,
            cluster_authorized_operations: OPERATIONS_UNKNOWN,
        }));
    }
    let (host, port) = ctx.endpoint();
    Ok(message!(control::DescribeClusterResponse {
        cluster_id: ctx.cluster_id(),
        controller_id: ctx.node_id(),
        brokers: vec![message!(DescribeClusterBroker { broker_id: ctx.node_id(), host: host, port: port })],
        cluster_authorized_operations: OPERATIONS_UNKNOWN,
    }))
}
