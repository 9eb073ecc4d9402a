//! ApiVersions 0–5 → the table of what is served.
//! A version above 5 gets a version 0 answer with UNSUPPORTED_VERSION. Names of client software that are none are INVALID_REQUEST (version 3 and later).
//! Version 5: a client that expects another cluster or node is told to bootstrap again. No features are listed.

use crate::{
    connection::Ctx,
    error::ErrorCode,
    wire::{Encoded, RequestHeader, ResponseBuf, api_versions, api_versions::ApiVersionsRequest},
};

pub(super) fn handle(ctx: &Ctx, header: &RequestHeader, request: Option<ApiVersionsRequest>) -> Encoded {
    let error = match request {
        None => ErrorCode::UnsupportedVersion,
        Some(request) if !request.software_is_valid() => ErrorCode::InvalidRequest,
        Some(ApiVersionsRequest { expected: (Some(cluster), node), .. }) if node >= 0 => {
            let ours = *cluster == *ctx.cluster_id() && node == ctx.node_id();
            if ours { ErrorCode::None } else { ErrorCode::RebootstrapRequired }
        }
        Some(ApiVersionsRequest { expected: (None, -1), .. }) => ErrorCode::None,
        Some(_) => ErrorCode::InvalidRequest,
    };
    let mut out = ResponseBuf::with_capacity(header, 320);
    api_versions::encode(header, error.code(), &mut out);
    out.finish()
}
