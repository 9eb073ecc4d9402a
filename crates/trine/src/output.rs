//! Printing results: columns for people, JSON for programs.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, Table, presets::NOTHING};
use serde_json::Value;

use crate::{args::Format, failure::Failure};

/// A column: its heading, and where its value is.
pub(crate) struct Column {
    heading: &'static str,
    value: fn(&Value) -> String,
    right: bool,
}

/// A column of text.
pub(crate) const fn text(heading: &'static str, value: fn(&Value) -> String) -> Column {
    Column { heading, value, right: false }
}

/// A column of numbers.
pub(crate) const fn number(heading: &'static str, value: fn(&Value) -> String) -> Column {
    Column { heading, value, right: true }
}

/// A JSON scalar as it reads without quotes; null is a dash.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Prints a list: a table by default.
pub(crate) fn list(format: Option<Format>, items: &[Value], columns: &[Column]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match format.unwrap_or(Format::Table) {
        Format::Table => writeln!(out, "{}", table(items, columns))?,
        Format::Json => writeln!(out, "{:#}", Value::Array(items.to_vec()))?,
        Format::Ndjson => {
            for item in items {
                writeln!(out, "{item}")?;
            }
        }
    }
    Ok(())
}

/// Prints one object: `lines` for people.
pub(crate) fn object(format: Option<Format>, value: &Value, lines: impl FnOnce() -> String) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match format.unwrap_or(Format::Table) {
        Format::Table => writeln!(out, "{}", lines().trim_end())?,
        Format::Json => writeln!(out, "{value:#}")?,
        Format::Ndjson => writeln!(out, "{value}")?,
    }
    Ok(())
}

/// A list as columns without borders.
pub(crate) fn table(items: &[Value], columns: &[Column]) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    let align = |column: &Column| if column.right { CellAlignment::Right } else { CellAlignment::Left };
    table.set_header(columns.iter().map(|c| Cell::new(c.heading).set_alignment(align(c))));
    for item in items {
        table.add_row(columns.iter().map(|c| Cell::new((c.value)(item)).set_alignment(align(c))));
    }
    // Every cell has a space on both sides; the first column's is of no use.
    let lines = table.to_string();
    lines.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect::<Vec<_>>().join("\n")
}

/// Pairs as aligned lines.
pub(crate) fn pairs(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    pairs.iter().map(|(name, value)| format!("{name:width$}  {value}\n")).collect()
}
