//! `FORMAT`: what makes a directory a data directory. Text, so that a person can read it:
//! `trine-local 1`, the directory's id, its number of shard groups, a CRC-32C of the lines before.

use super::options::SHARDS_MAX;

const FIRST_LINE: &str = "trine-local 1";

/// Identity of a data directory, fixed at its creation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Format {
    /// Random; every file of the directory carries it.
    pub(crate) uuid: [u8; 16],
    /// Number of shard groups (decision E3).
    pub(crate) shards: u16,
}

impl Format {
    pub(crate) fn encode(&self) -> String {
        let uuid = self.uuid.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let body = format!("{FIRST_LINE}\nid {uuid}\nshards {}\n", self.shards);
        format!("{body}crc {:08x}\n", crc32c::crc32c(body.as_bytes()))
    }

    /// The text says what is wrong.
    pub(crate) fn decode(text: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(text).map_err(|_| "FORMAT is not text")?;
        let first = text.lines().next().unwrap_or_default();
        if first != FIRST_LINE {
            return Err(format!("the data directory has the format {first:?}; this program reads {FIRST_LINE:?}"));
        }
        let (body, crc) = text.rsplit_once("crc ").ok_or("FORMAT is cut off")?;
        if u32::from_str_radix(crc.trim_end(), 16) != Ok(crc32c::crc32c(body.as_bytes())) {
            return Err("FORMAT fails its checksum".into());
        }
        let field = |name: &str| body.lines().find_map(|line| line.strip_prefix(name)).ok_or("FORMAT lacks a line");
        let (hex, mut uuid) = (field("id ")?, [0; 16]);
        for (at, byte) in uuid.iter_mut().enumerate() {
            let digits = hex.get(at * 2..at * 2 + 2).ok_or("FORMAT has a short id")?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| "FORMAT has a bad id")?;
        }
        let shards = field("shards ")?.parse().map_err(|_| "FORMAT has a bad number of shard groups")?;
        if shards == 0 || shards > SHARDS_MAX {
            return Err(format!("FORMAT names {shards} shard groups; 1 to {SHARDS_MAX} are possible"));
        }
        Ok(Self { uuid, shards })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_damage() {
        let format = Format { uuid: *b"0123456789abcdef", shards: 8 };
        let text = format.encode();
        assert_eq!(Format::decode(text.as_bytes()), Ok(format));
        for at in 0..text.len() {
            let mut bad = text.clone().into_bytes();
            bad[at] ^= 1;
            // Only the final newline and the case of the checksum's digits are without meaning.
            if Format::decode(&bad) == Ok(format) {
                assert!(at >= text.len() - 9, "byte {at}");
            }
            assert!(Format::decode(&text.as_bytes()[..at.min(text.len() - 9)]).is_err());
        }
        assert!(Format::decode(b"trine-local 2\n").unwrap_err().contains("trine-local 2"));
        assert!(Format::decode(&Format { uuid: [0; 16], shards: 0 }.encode().into_bytes()).is_err());
        assert!(Format::decode(&Format { uuid: [0; 16], shards: 49 }.encode().into_bytes()).is_err());
    }
}
