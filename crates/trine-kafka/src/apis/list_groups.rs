//! ListGroups 0–5 → groups the client may read, filtered by state (version 4) and type (version 5). The one type is "classic".

use kafka_wire::list_groups_response::ListedGroup;
use trine_broker::{Action, Resource};

use super::{control, message};
use crate::{
    connection::Ctx,
    error::{self, Close},
    wire::{RequestHeader, Text},
};

pub(super) async fn handle(
    ctx: &Ctx,
    header: &RequestHeader,
    request: control::ListGroupsRequest,
) -> Result<control::ListGroupsResponse, Close> {
    let words = |texts: Vec<Text>| texts.into_iter().map(Text::into_string).collect::<Vec<_>>();
    let (states, types) = (words(request.states_filter), words(request.types_filter));
    let found = match ctx.kafka.broker.groups().list(&states, &types).await {
        Ok(found) => found,
        Err(failed) => {
            return Ok(message!(control::ListGroupsResponse { error_code: error::group(&failed)?.code() }));
        }
    };
    let groups = found.into_iter().filter(|group| ctx.allows(Action::Read, Resource::group(group.name.as_str())));
    let groups = groups.map(|group| {
        message!(ListedGroup {
            group_id: Text::from(group.name.as_str()),
            protocol_type: Text::from(group.protocol_type),
            group_state: if header.version >= 4 { Text::from(group.state.name()) } else { Text::default() },
            group_type: if header.version >= 5 { Text::from("classic") } else { Text::default() },
        })
    });
    Ok(message!(control::ListGroupsResponse { groups: groups.collect() }))
}
