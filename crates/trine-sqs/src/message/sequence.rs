//! Sequence numbers of FIFO queues: 20 decimal digits, rising within a queue.

/// The first sequence number. AWS's have 20 digits and do not fit 64 bits; clients that keep them as such numbers fail there too, so they had better fail
/// in development.
const BASE: u128 = 18_850_000_000_000_000_000;

/// A message number as the protocol shows it.
pub(crate) fn sequence_number(number: u64) -> String {
    format!("{:020}", BASE + u128::from(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_digits_in_order() {
        let numbers: Vec<_> = [0, 1, 9, 1 << 56, u64::MAX].into_iter().map(sequence_number).collect();
        assert!(numbers.iter().all(|n| n.len() == 20));
        assert!(numbers.is_sorted());
        assert_eq!(numbers[1], "18850000000000000001");
    }
}
