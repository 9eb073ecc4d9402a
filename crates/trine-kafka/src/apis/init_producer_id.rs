//! InitProducerId 0–5 → a fresh producer id with epoch 0. A producer that had one gets another (its sequence numbers begin anew with it).
//! Not implemented: transactional ids (refused, so that such a producer fails at once).

use super::{control, message};
use crate::{
    connection::Ctx,
    error::{self, Area, Close, ErrorCode},
    wire::RequestHeader,
};

pub(super) async fn handle(
    ctx: &Ctx,
    _: &RequestHeader,
    request: control::InitProducerIdRequest,
) -> Result<control::InitProducerIdResponse, Close> {
    let refused = match request.transactional_id.as_deref() {
        Some("") => Some(ErrorCode::InvalidRequest),
        Some(_) => Some(ErrorCode::TransactionalIdAuthorizationFailed),
        None if (request.producer_id == -1) != (request.producer_epoch == -1) => Some(ErrorCode::InvalidRequest),
        None => None,
    };
    let outcome = match refused {
        Some(code) => Err(code),
        None => match ctx.kafka.broker.producers().new_id().await {
            Ok(id) => Ok(id),
            Err(failed) => Err(error::failure(&failed, Area::Group)?),
        },
    };
    let (code, id, epoch) = match outcome {
        Ok(id) => (ErrorCode::None, id, 0),
        Err(code) => (code, -1, -1),
    };
    Ok(message!(control::InitProducerIdResponse { error_code: code.code(), producer_id: id, producer_epoch: epoch }))
}
