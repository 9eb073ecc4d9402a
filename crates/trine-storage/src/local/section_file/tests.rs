use std::{path::Path, sync::Arc};

use proptest::{collection::vec, prelude::*};
use trine_env::{Fs, OpenMode, SimFs};

use super::*;

fn store(fs: &dyn Fs, bytes: &[u8]) -> Arc<dyn File> {
    let path = Path::new("/f");
    let _ = fs.remove_file(path);
    let file = fs.open(path, OpenMode::CreateNew).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file
}

fn header() -> SectionHeader {
    SectionHeader { content: Content::Index, shard: 3, id: 9, lsn: Lsn(77), uuid: [5; 16] }
}

fn build(records: &[(u16, u64, Vec<u8>)], slice: usize) -> Vec<u8> {
    let mut sink = SectionSink::new(&header());
    let mut out = Vec::new();
    let mut drain = |sink: &mut SectionSink| {
        while let Some((pos, pages)) = sink.take_pages(slice) {
            assert_eq!((pos, pages.len() % PAGE), (out.len() as u64, 0));
            out.extend(pages);
        }
    };
    for (kind, entity, bytes) in records {
        sink.push(*kind, *entity, Lsn(*entity + 1), bytes);
        drain(&mut sink);
    }
    sink.finish();
    let len = sink.len();
    drain(&mut sink);
    assert_eq!((sink.buffered(), out.len() as u64), (0, len));
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn round_trip(records in vec((0..9_u16, any::<u64>(), vec(any::<u8>(), 0..6000)), 0..20), slice in 1..9000_usize) {
        let records: Vec<_> = records.into_iter().map(|(k, e, b)| (k, e / 2, b)).collect();
        let fs = SimFs::new(1);
        let file = store(&fs, &build(&records, slice));
        let mut reader = SectionReader::open(&*file).unwrap();
        prop_assert_eq!(reader.header, header());
        for (kind, entity, bytes) in &records {
            let record = reader.next().unwrap().unwrap();
            prop_assert_eq!((record.kind, record.entity, record.as_of, &record.bytes), (*kind, *entity, Lsn(*entity + 1), bytes));
        }
        prop_assert!(reader.next().unwrap().is_none());
    }
}

#[test]
fn every_flipped_byte_and_every_cut_is_noticed() {
    let fs = SimFs::new(1);
    let records = [(1, 7, b"state".to_vec()), (2, 8, vec![1; 50])];
    let bytes = build(&records, 4096);
    let used = HEADER_BYTES + 4 + 3 * RECORD_BYTES + 55 + 12;
    let check = |bytes: &[u8]| SectionReader::open(&*store(&fs, bytes)).and_then(SectionReader::check);
    assert_eq!(check(&bytes).unwrap(), 2);
    for at in 0..used {
        let mut bad = bytes.clone();
        bad[at] ^= 0x20;
        assert!(matches!(check(&bad), Err(Defect::Damaged(..))), "byte {at}");
        assert!(matches!(check(&bytes[..at]), Err(Defect::Damaged(..))), "cut at {at}");
    }
}
