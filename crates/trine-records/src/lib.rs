//! Kafka record batch v2: views, validation, building, compression with bounded output.
//!
//! A batch is kept as the bytes a producer sent; everything here reads those bytes in place. Nothing trusts a count or a length from them: walks end
//! where the bytes end, and decompression stops at a limit that the caller gives.

mod builder;
pub mod codec;
mod compact;
mod header;
mod lookup;
mod read;
mod record;
mod validate;

pub use builder::{BatchBuilder, BuildError};
pub use codec::{Codec, CodecError, Compression};
pub use compact::{CompactRules, compact_batch};
pub use header::{
    Attributes, BATCH_HEADER_BYTES, BatchError, BatchHeader, Batches, NO_PRODUCER, NO_SEQUENCE, NO_TIMESTAMP,
    set_base_offset, set_leader_epoch, set_max_timestamp,
};
pub use lookup::{find_by_timestamp, max_timestamp_record};
pub use record::{Header, Headers, Record, Records, records_of};
pub use validate::{
    ProduceError, ProduceRules, RECORD_ERRORS_MAX, RecordError, RecordProblem, TimestampRule, Validated,
    validate_produce,
};

/// The batch of two records in the protocol reference: `k`=`v` with header h=x, then null=null 5 ms later.
#[cfg(test)]
pub(crate) const GOLDEN: &[u8] = &[
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x45, 0, 0, 0, 0, 2, 0xd7, 0xbd, 0x8f, 0x47, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0x8b,
    0xcf, 0xe5, 0x68, 0, 0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2, 0x18, 0, 0, 0, 2, 0x6b, 2, 0x76, 2, 2, 0x68, 2, 0x78, 0x0c, 0, 0x0a, 2,
    1, 1, 0,
];
