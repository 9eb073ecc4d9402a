//! docs/reference/sqs.md says what the code serves: neither may change alone.

use trine_sqs::{ACTIONS, AttributeName, ErrorKind, Kind};

const PAGE: &str = include_str!("../../../../docs/reference/sqs.md");

/// The rows of the table whose header begins with these cells.
fn rows(header: &str) -> Vec<Vec<String>> {
    let mut lines = PAGE.lines().skip_while(|line| !line.starts_with(header));
    assert!(lines.next().is_some(), "there is a table {header}");
    lines
        .skip(1)
        .map_while(|line| line.strip_prefix('|'))
        .map(|line| line.trim_end_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

#[test]
fn the_reference_lists_the_actions_that_are_served() {
    let documented: Vec<_> = rows("| action | about | others |")
        .into_iter()
        .map(|row| (row[0].clone(), row[1] == "a queue", row[2] == "yes"))
        .collect();
    let served: Vec<_> = ACTIONS.iter().map(|a| (a.name.to_owned(), a.needs_queue, !a.owner_only)).collect();
    assert_eq!(documented, served);
}

#[test]
fn the_reference_lists_the_attributes_with_ranges_and_defaults() {
    let documented = rows("| attribute | values | default |");
    let table: Vec<Vec<String>> = AttributeName::TABLE
        .iter()
        .map(|spec| {
            let values = match spec.kind {
                Kind::ReadOnly => "read only".to_owned(),
                Kind::Number { min, max } => format!("{min}–{max}"),
                Kind::Flag => "true, false".to_owned(),
                Kind::Choice(choices) => choices.join(", "),
                Kind::Text => "text".to_owned(),
                Kind::Document => "JSON".to_owned(),
            };
            let queues = if spec.fifo_only { "FIFO" } else { "all" };
            vec![spec.text.to_owned(), values, spec.default.to_owned(), queues.to_owned()]
        })
        .collect();
    assert_eq!(documented, table);
}

#[test]
fn the_reference_lists_the_errors() {
    let documented = rows("| type | code | status |");
    let table: Vec<Vec<String>> = ErrorKind::ALL
        .into_iter()
        .map(|kind| {
            let spelling = kind.spelling();
            vec![spelling.json.to_owned(), spelling.legacy.to_owned(), spelling.status.to_string()]
        })
        .collect();
    assert_eq!(documented, table);
}
