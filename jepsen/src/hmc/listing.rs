//! The output grammar of listing commands: records of `attr=value`, or chosen values with `-F`.

use super::args::Args;
use super::error::CliError;
use super::output::{NOTHING_FOUND, Output};

/// A listing before it is printed. Every row has one value for each column.
pub(super) struct Listing {
    pub(super) columns: &'static [&'static str],
    pub(super) rows: Vec<Vec<String>>,
}

impl Listing {
    /// Prints the listing as selected by `-F` and `--header`.
    pub(super) fn print(self, args: &Args) -> Result<Output, CliError> {
        let chosen = match (args.has("-F"), args.get("-F")) {
            (false, _) => {
                args.refuse(&["--header"])?;
                None
            }
            (true, None) => Some(((0..self.columns.len()).collect(), ',')),
            (true, Some(names)) => Some(self.choose(names)?),
        };
        if self.rows.is_empty() {
            return Ok(Output::success(NOTHING_FOUND.into()));
        }
        let mut lines: Vec<String> = Vec::new();
        match chosen {
            None => lines.extend(self.rows.iter().map(|row| self.record(row))),
            Some((indexes, separator)) => {
                if args.has("--header") {
                    lines.push(join(indexes.iter().map(|&index| self.columns[index].to_owned()), separator));
                }
                let values =
                    |row: &Vec<String>| join(indexes.iter().map(|&index| quote(&row[index], separator)), separator);
                lines.extend(self.rows.iter().map(values));
            }
        }
        Ok(Output::success(lines.into_iter().map(|line| line + "\n").collect()))
    }

    /// The selected columns, and the character between their names, which also separates the values.
    fn choose(&self, names: &str) -> Result<(Vec<usize>, char), CliError> {
        let separator = names.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '_').unwrap_or(',');
        let find = |name: &str| {
            let index = self.columns.iter().position(|&column| column == name);
            index.ok_or_else(|| CliError::Attribute(name.to_owned()))
        };
        let indexes: Result<Vec<usize>, CliError> = names.split(separator).map(find).collect();
        Ok((indexes?, separator))
    }

    fn record(&self, row: &[String]) -> String {
        let pairs = self.columns.iter().zip(row).map(|(name, value)| quote(&format!("{name}={value}"), ','));
        join(pairs, ',')
    }
}

fn quote(value: &str, separator: char) -> String {
    if value.contains([separator, '"', '\n']) {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.to_owned()
    }
}

fn join(values: impl Iterator<Item = String>, separator: char) -> String {
    values.collect::<Vec<_>>().join(&separator.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::args::Grammar;
    use super::*;

    fn print(words: &[&str], rows: &[[&str; 3]]) -> Result<String, CliError> {
        let words: Vec<String> = words.iter().map(|&word| word.into()).collect();
        let args = Args::parse(&words, &Grammar { valued: &["-F"], flags: &["--header"] }).unwrap();
        let rows = rows.iter().map(|row| row.map(String::from).into()).collect();
        Listing { columns: &["name", "ids", "note"], rows }.print(&args).map(|output| output.stdout)
    }

    #[test]
    fn values_and_records_are_quoted_where_they_hold_commas() {
        let rows = [["a", "1,2", ""], ["b", "3", "say \"x\""]];
        let records = "name=a,\"ids=1,2\",note=\nname=b,ids=3,\"note=say \"\"x\"\"\"\n";
        assert_eq!(print(&[], &rows).unwrap(), records);
        assert_eq!(print(&["-F", "ids,name"], &rows).unwrap(), "\"1,2\",a\n3,b\n");
        assert_eq!(print(&["-F", "ids:name"], &rows).unwrap(), "1,2:a\n3:b\n");
        assert_eq!(print(&["-F", "name", "--header"], &rows).unwrap(), "name\na\nb\n");
        assert_eq!(print(&["-F", "--header"], &rows[..1]).unwrap(), "name,ids,note\na,\"1,2\",\n");
    }

    #[test]
    fn nothing_found_is_a_sentence_and_attributes_are_checked_first() {
        assert_eq!(print(&["-F", "name", "--header"], &[]).unwrap(), "No results were found.\n");
        assert_eq!(print(&["-F", "name,colour"], &[]), Err(CliError::Attribute("colour".into())));
        assert_eq!(print(&["-F", "Name"], &[]), Err(CliError::Attribute("Name".into())));
        assert_eq!(print(&["--header"], &[]), Err(CliError::parameter("--header")));
    }
}
