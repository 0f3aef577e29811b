//! The output format of the HMC's list commands.
//!
//! Three shapes: records of `attr=value` pairs, one per line; tables of values with the columns requested by `-F`,
//! under a first line of names with `--header`; and the multi-line quoted record of `lshmc -V`. All three are
//! comma-separated fields; a field that contains a comma, a quote or a newline is in double quotes, and a quote
//! inside is doubled.
//!
//! Promises: total over any bytes; never panics. Unreadable output is an error and not a shorter list: an LPAR
//! missing from a list counts as not being there, so half a list would be false. Recorded outputs are the tests.

use tenure_core::ForeignText;
use thiserror::Error;

/// The output, with exit status 0, of an empty list (in the requested locale).
pub const NO_RESULTS: &str = "No results were found.";

/// The reason why an answer could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    /// Not UTF-8.
    #[error("not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// A quote is opened and never closed, as in a truncated answer.
    #[error("a quote is not closed")]
    OpenQuote,
    /// A field of a record is not `attr=value`.
    #[error("record {record}: not attr=value: \"{field}\"")]
    NotAPair {
        /// Number of the record, from 1.
        record: usize,
        /// The field, shortened.
        field: ForeignText,
    },
    /// The first line of a table does not name the columns requested.
    #[error("the header is \"{found}\" instead of {expected:?}")]
    WrongHeader {
        /// The columns requested.
        expected: String,
        /// The line, shortened.
        found: ForeignText,
    },
    /// A row has more or fewer values than the table has columns.
    #[error("row {row}: {found} values for {expected} columns")]
    WrongWidth {
        /// Number of the row, from 1.
        row: usize,
        /// Number of columns.
        expected: usize,
        /// Number of values.
        found: usize,
    },
    /// There is neither a header nor [`NO_RESULTS`].
    #[error("the answer is empty")]
    Empty,
}

/// One line of output: attributes in the order of the output.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Record {
    pairs: Vec<(String, String)>,
}

impl Record {
    /// A record of these pairs.
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self { pairs }
    }

    /// The value of an attribute, as printed. Attribute names are case-sensitive.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(attribute, _)| attribute == name).map(|(_, value)| value.as_str())
    }

    /// The value of an attribute, unless it is one of the HMC's spellings of "no value".
    pub fn value(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !is_null(value))
    }

    /// All pairs.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }
}

/// The HMC spells "no value" differently by attribute.
pub fn is_null(value: &str) -> bool {
    matches!(value.trim(), "" | "null" | "none" | "unavailable")
}

/// Reads records of `attr=value` pairs (a list command without `-F`, and `lshmc -V`).
pub fn parse_records(answer: &[u8]) -> Result<Vec<Record>, ParseError> {
    let text = text(answer)?;
    if is_empty_listing(text) {
        return Ok(Vec::new());
    }
    let rows = fields(text)?;
    rows.into_iter().enumerate().map(|(index, row)| record_of_pairs(index + 1, row)).collect()
}

/// Reads a table requested with `-F <columns> --header`.
pub fn parse_table(answer: &[u8], columns: &[&str]) -> Result<Vec<Record>, ParseError> {
    let text = text(answer)?;
    if is_empty_listing(text) {
        return Ok(Vec::new());
    }
    let mut rows = fields(text)?.into_iter();
    let header = rows.next().ok_or(ParseError::Empty)?;
    if header != columns {
        return Err(ParseError::WrongHeader { expected: columns.join(","), found: shorten(&header.join(",")) });
    }
    rows.enumerate().map(|(index, row)| record_of_values(index + 1, columns, row)).collect()
}

/// Reads a table requested with `-F <columns>` and no header.
pub fn parse_rows(answer: &[u8], columns: &[&str]) -> Result<Vec<Record>, ParseError> {
    let text = text(answer)?;
    if is_empty_listing(text) {
        return Ok(Vec::new());
    }
    fields(text)?.into_iter().enumerate().map(|(index, row)| record_of_values(index + 1, columns, row)).collect()
}

/// The version from the answer of `lshmc -V`, such as `V11R2`: its `base_version`, or, for older releases that print
/// bare lines, composed of its `Version:` and `Release:`. Never fails: an HMC whose version cannot be read still
/// answered.
pub fn parse_version(answer: &[u8]) -> Option<String> {
    let text = text(answer).ok()?;
    let base = parse_records(answer).ok().and_then(|records| {
        records.iter().find_map(|record| record.value("base_version").map(|version| version.trim().to_owned()))
    });
    base.or_else(|| Some(format!("V{}R{}", labelled(text, "Version:")?, labelled(text, "Release:")?)))
}

fn labelled<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let rest = &text[text.find(label)? + label.len()..];
    rest.split_whitespace().next()
}

fn text(answer: &[u8]) -> Result<&str, ParseError> {
    std::str::from_utf8(answer).map_err(|error| ParseError::NotUtf8 { at: error.valid_up_to() })
}

fn is_empty_listing(text: &str) -> bool {
    text.trim() == NO_RESULTS
}

/// Splits into rows of fields. The CSV reader accepts an unclosed quote silently; closed ones add an even number of
/// quote characters, so an odd total reveals it.
fn fields(text: &str) -> Result<Vec<Vec<String>>, ParseError> {
    if text.bytes().filter(|byte| *byte == b'"').count() % 2 != 0 {
        return Err(ParseError::OpenQuote);
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let rows = reader.records().map(|row| match row {
        Ok(row) => Ok(row.iter().map(str::to_owned).collect()),
        // The text is UTF-8 and rows may have any width, so only a field that was cut inside a character remains.
        Err(_) => Err(ParseError::NotUtf8 { at: 0 }),
    });
    rows.collect()
}

fn record_of_pairs(number: usize, row: Vec<String>) -> Result<Record, ParseError> {
    let pairs = row.into_iter().map(|field| match field.split_once('=') {
        Some((name, value)) if is_attribute_name(name) => Ok((name.to_owned(), value.to_owned())),
        _ => Err(ParseError::NotAPair { record: number, field: shorten(&field) }),
    });
    Ok(Record { pairs: pairs.collect::<Result<_, _>>()? })
}

fn record_of_values(number: usize, columns: &[&str], row: Vec<String>) -> Result<Record, ParseError> {
    if row.len() != columns.len() {
        return Err(ParseError::WrongWidth { row: number, expected: columns.len(), found: row.len() });
    }
    Ok(Record { pairs: columns.iter().map(|column| (*column).to_owned()).zip(row).collect() })
}

/// Names such as `5250_application_capable`. Strict, so that a sentence with an `=` in it does not pass for a record.
fn is_attribute_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn shorten(text: &str) -> ForeignText {
    const LONGEST_QUOTED: usize = 80;
    if text.chars().count() <= LONGEST_QUOTED {
        return text.into();
    }
    text.chars().take(LONGEST_QUOTED).chain(['…']).collect::<String>().into()
}

#[cfg(test)]
mod tests;
