use super::*;
use crate::{BatchBuilder, Codec, set_max_timestamp};

fn batch(codec: Codec) -> Vec<u8> {
    let mut builder = BatchBuilder::new().compression(codec).stored_at(100, 0);
    for timestamp in [50, 10, 70, 70, 20] {
        builder.push(timestamp, None, None, &[]);
    }
    builder.build().unwrap().to_vec()
}

#[test]
fn lookups_are_exact_to_the_record() {
    for codec in Codec::ALL {
        let batch = batch(codec);
        let find = |from, ts| find_by_timestamp(&batch, from, ts, 1 << 20).unwrap();
        assert_eq!(find(0, 0), Some((100, 50)));
        assert_eq!(find(0, 51), Some((102, 70)));
        assert_eq!(find(0, 70), Some((102, 70)));
        assert_eq!(find(0, 71), None);
        assert_eq!(find(101, 0), Some((101, 10)), "records before the log start are not seen");
        assert_eq!(find(104, 21), None);
        assert_eq!(max_timestamp_record(&batch, 1 << 20), Ok(Some((102, 70))));
    }
}

#[test]
fn with_log_append_time_all_records_have_the_batches_time() {
    let mut batch = batch(Codec::None);
    set_max_timestamp(&mut batch, 500, true);
    assert_eq!(find_by_timestamp(&batch, 0, 400, 0), Ok(Some((100, 500))));
    assert_eq!(find_by_timestamp(&batch, 0, 501, 0), Ok(None));
    assert_eq!(max_timestamp_record(&batch, 0), Ok(Some((100, 500))));
}

#[test]
fn damaged_batches_are_errors() {
    let batch = batch(Codec::Zstd);
    assert!(find_by_timestamp(&batch[..batch.len() - 1], 0, 0, 1 << 20).is_err());
    assert!(find_by_timestamp(&batch, 0, 0, 3).is_err(), "more than may be decompressed");
    assert!(max_timestamp_record(&batch[..60], 1 << 20).is_err());
}
