//! Log compaction's way to replace data (decision E11): the new copy is synced before the index uses it; the old file is freed like any other, after
//! two saves of the index that do not name it. Nothing is logged: after a crash before the first of them the old data is there again, which is as right.

use std::{io, ops::Range};

use trine_types::{EntityId, Offset};

use super::{
    segment_writer::{Room, SegmentWriter},
    shared::{Shard, Shared},
};
use crate::{Run, StoreError, batch};

pub(crate) fn rewrite(
    shared: &Shared,
    shard: &Shard,
    entity: EntityId,
    range: &Range<Offset>,
    batches: Vec<Run>,
) -> Result<(), StoreError> {
    let failed = |source: io::Error| StoreError::Io { what: format!("rewrite of entity {entity}"), source };
    if let Some(why) = shared.failure() {
        return Err(failed(io::Error::other(why.to_string())));
    }
    let mut entries = Vec::new();
    if !batches.is_empty() {
        match write(shared, entity, batches) {
            Ok(written) => entries = written,
            Err(error) => {
                // Law 7, except that a full disk only ends the attempt.
                if error.kind() != io::ErrorKind::StorageFull {
                    shared.fail("write of a segment", &error);
                }
                return Err(failed(error));
            }
        }
    }
    shard.index.write().replace(entity, range, &entries, None, &shared.files);
    shared.cache.clear();
    shared.maintain_signal.notify();
    Ok(())
}

fn write(shared: &Shared, entity: EntityId, batches: Vec<Run>) -> io::Result<Vec<super::index::Entry>> {
    let mut writer = SegmentWriter::create(shared, Some(entity), Room::default())?;
    let step = |writer: &mut SegmentWriter| -> io::Result<Vec<super::index::Entry>> {
        for run in batches {
            let bytes = batch::patched(&run.batch, run.base, run.leader_epoch);
            writer.batch(entity, run.base, run.base + u64::from(run.count), run.max_ts, &bytes);
            if writer.writable() >= shared.options.slice_bytes {
                writer.write_some(shared.options.slice_bytes)?;
            }
        }
        let entries = writer.end_entity(entity);
        writer.finish()?;
        shared.fs.sync_dir(&shared.dir.join("seg"))?;
        Ok(entries)
    };
    let result = step(&mut writer);
    match &result {
        Ok(_) => writer.publish(shared),
        Err(_) => writer.abandon(shared),
    }
    result
}
