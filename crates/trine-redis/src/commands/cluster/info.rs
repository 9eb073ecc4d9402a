//! CLUSTER INFO → lines. Some clients do not start unless the state is ok.

use bytes::Bytes;

use super::SLOTS;
use crate::commands::{Ctx, Flow};

pub(crate) fn info(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    let text = format!(
        "cluster_state:ok\r\ncluster_slots_assigned:{SLOTS}\r\ncluster_slots_ok:{SLOTS}\r\ncluster_slots_pfail:0\r\ncluster_slots_fail:0\r\n\
         cluster_known_nodes:1\r\ncluster_size:1\r\ncluster_current_epoch:1\r\ncluster_my_epoch:1\r\ncluster_stats_messages_sent:0\r\n\
         cluster_stats_messages_received:0\r\ntotal_cluster_links_buffer_limit_exceeded:0\r\n"
    );
    ctx.out.verbatim(text.as_bytes());
    Flow::Continue
}
