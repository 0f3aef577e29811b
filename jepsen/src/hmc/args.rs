//! Options of HMC commands: `-x`, `--long`, with or without a value.

use super::error::CliError;
use std::collections::BTreeMap;

/// The options of a command.
pub(super) struct Grammar {
    /// Options with a value.
    pub(super) valued: &'static [&'static str],
    /// Options without a value.
    pub(super) flags: &'static [&'static str],
}

/// The options given. `-F` alone may lack its value: it then means every attribute.
#[derive(Debug, Default)]
pub(super) struct Args(BTreeMap<String, Option<String>>);

impl Args {
    pub(super) fn parse(words: &[String], grammar: &Grammar) -> Result<Self, CliError> {
        let mut args = Args::default();
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            let value = if grammar.valued.contains(&word.as_str()) {
                let value = words.next_if(|value| !value.starts_with('-')).cloned();
                if value.is_none() && word != "-F" {
                    return Err(CliError::parameter(word));
                }
                value
            } else if grammar.flags.contains(&word.as_str()) {
                None
            } else {
                return Err(CliError::parameter(word));
            };
            if args.0.insert(word.clone(), value).is_some() {
                return Err(CliError::parameter(word));
            }
        }
        Ok(args)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_deref()
    }

    pub(super) fn require(&self, name: &str) -> Result<&str, CliError> {
        self.get(name).ok_or_else(|| CliError::parameter(name))
    }

    /// Refuses options that have no meaning in this form of the command.
    pub(super) fn refuse(&self, names: &[&str]) -> Result<(), CliError> {
        let given: Vec<String> = names.iter().filter(|name| self.has(name)).map(|&name| name.to_owned()).collect();
        if given.is_empty() { Ok(()) } else { Err(CliError::Parameters(given)) }
    }

    /// The filters of `--filter`: `a=1,2` and `a=1,b=2`, where a quoted part may hold commas too.
    pub(super) fn filters(&self, known: &[&str]) -> Result<BTreeMap<String, Vec<String>>, CliError> {
        let mut filters: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let Some(text) = self.get("--filter") else {
            return Ok(filters);
        };
        let mut last: Option<String> = None;
        for part in text.split(',') {
            let part = part.trim_matches('"');
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.to_owned(), value),
                None => (last.clone().ok_or_else(|| CliError::parameter("--filter"))?, part),
            };
            if !known.contains(&name.as_str()) {
                return Err(CliError::Filter(name));
            }
            filters.entry(name.clone()).or_default().push(value.to_owned());
            last = Some(name);
        }
        Ok(filters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(text: &str) -> Result<BTreeMap<String, Vec<String>>, CliError> {
        let words: Vec<String> = ["--filter", text].map(String::from).into();
        let args = Args::parse(&words, &Grammar { valued: &["--filter"], flags: &[] }).unwrap();
        args.filters(&["lpar_names", "profile_names"])
    }

    #[test]
    fn filters_are_lists_of_values_by_name() {
        let one = filters("lpar_names=a,b").unwrap();
        assert_eq!(one["lpar_names"], ["a", "b"]);
        for text in ["lpar_names=a,b,profile_names=p", "\"lpar_names=a,b\",profile_names=p"] {
            let two = filters(text).unwrap();
            assert_eq!((&two["lpar_names"], &two["profile_names"]), (&vec!["a".into(), "b".into()], &vec!["p".into()]));
        }
        assert_eq!(filters("colours=red"), Err(CliError::Filter("colours".into())));
        assert_eq!(filters("nonsense"), Err(CliError::parameter("--filter")));
    }
}
