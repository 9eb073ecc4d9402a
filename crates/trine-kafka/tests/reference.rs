//! docs/reference/kafka.md says what the code serves: neither may change alone.

use trine_kafka::wire::APIS;

const PAGE: &str = include_str!("../../../docs/reference/kafka.md");

#[test]
fn the_reference_lists_the_apis_and_versions_that_are_served() {
    let documented: Vec<_> = PAGE
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" | ");
            let key: i16 = cells.next()?.parse().ok()?;
            Some((key, cells.next()?.to_owned(), cells.next()?.to_owned()))
        })
        .collect();
    let served: Vec<_> =
        APIS.iter().map(|api| (api.key as i16, api.name.to_owned(), format!("{}–{}", api.min, api.max))).collect();
    assert_eq!(documented, served);
}

#[test]
fn every_default_named_in_the_reference_is_the_tables() {
    let bytes = trine_types::limits::MESSAGE_BYTES_DEFAULT;
    let grouped = format!("{} {:03} {:03}", bytes / 1_000_000, bytes / 1000 % 1000, bytes % 1000);
    assert!(PAGE.contains(&format!("`max.message.bytes`, {grouped} B")), "max.message.bytes is {grouped}");
    let partitions = trine_types::limits::PARTITIONS_PER_TOPIC_MAX;
    assert!(PAGE.contains(&format!("| partitions of a topic | {} {:03} |", partitions / 1000, partitions % 1000)));
}
