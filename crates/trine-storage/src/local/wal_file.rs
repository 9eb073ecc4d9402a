//! Log files: a 4096-byte header, then frames. `wal/<number>.wal` holds frames or is about to; `wal/spare.<n>.wal` is a file whose blocks were
//! written once (zeros or frames of an earlier life) and can become any number. The random salt of each life makes earlier frames invalid.

use std::path::{Path, PathBuf};

use super::frame::PAGE;
use crate::codec::Reader;

/// Where the first frame lies.
pub(crate) const WAL_START: u64 = PAGE as u64;
const MAGIC: &[u8; 8] = b"TRINWAL1";
const VERSION: u16 = 1;
const USED: usize = 52;

/// First page of a log file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct WalHeader {
    pub(crate) file_no: u64,
    /// Length of the file; frames and the end frame lie within it.
    pub(crate) file_len: u64,
    pub(crate) salt: u64,
    pub(crate) uuid: [u8; 16],
}

impl WalHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(PAGE);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.file_no.to_le_bytes());
        out.extend_from_slice(&self.file_len.to_le_bytes());
        out.extend_from_slice(&self.salt.to_le_bytes());
        out.extend_from_slice(&self.uuid);
        debug_assert_eq!(out.len(), USED);
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out.resize(PAGE, 0);
        out
    }

    /// `None` unless this is an undamaged header of a known version.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut r = Reader::new(bytes);
        let crc = crc32c::crc32c(bytes.get(..USED)?);
        if r.bytes(8)? != MAGIC || r.u16()? != VERSION {
            return None;
        }
        r.u16()?;
        let header =
            Self { file_no: r.u64()?, file_len: r.u64()?, salt: r.u64()?, uuid: r.bytes(16)?.try_into().ok()? };
        (r.u32()? == crc).then_some(header)
    }
}

/// What a name in `wal/` means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WalName {
    /// A numbered file.
    File(u64),
    /// A spare.
    Spare(u64),
    /// Left over from a preparation that was interrupted, or nothing of ours.
    Other,
}

pub(crate) fn wal_name(file_no: u64) -> String {
    format!("{file_no:020}.wal")
}

pub(crate) fn spare_name(number: u64) -> String {
    format!("spare.{number}.wal")
}

/// Parses a name in `wal/`.
pub(crate) fn parse_name(path: &Path) -> WalName {
    let name = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(".wal"));
    let Some(name) = name else { return WalName::Other };
    match name.strip_prefix("spare.") {
        Some(number) => number.parse().map_or(WalName::Other, WalName::Spare),
        None if name.len() == 20 => name.parse().map_or(WalName::Other, WalName::File),
        None => WalName::Other,
    }
}

/// The path of a numbered file.
pub(crate) fn wal_path(dir: &Path, file_no: u64) -> PathBuf {
    dir.join("wal").join(wal_name(file_no))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_round_trip_and_damage() {
        let header = WalHeader { file_no: 7, file_len: 1 << 20, salt: u64::MAX, uuid: [3; 16] };
        let bytes = header.encode();
        assert_eq!(bytes.len(), PAGE);
        assert_eq!(WalHeader::decode(&bytes), Some(header));
        for at in 0..USED + 4 {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert_eq!(WalHeader::decode(&bad), None, "byte {at}");
        }
        assert_eq!(WalHeader::decode(&bytes[..USED]), None);
    }

    #[test]
    fn names() {
        let dir = Path::new("d");
        assert_eq!(parse_name(&wal_path(dir, 12)), WalName::File(12));
        assert_eq!(parse_name(&dir.join(spare_name(3))), WalName::Spare(3));
        for other in ["1.wal", "x.tmp", "spare.x.wal", "spare.1.tmp", "wal"] {
            assert_eq!(parse_name(Path::new(other)), WalName::Other, "{other}");
        }
    }
}
