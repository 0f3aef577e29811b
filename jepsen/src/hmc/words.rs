//! A command line as words, as split by the HMC's restricted shell. One command only: no pipes, no substitution.

/// Maximum length of a command line.
const LINE_LIMIT: usize = 16 * 1024;

/// Reason why a line is not a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum WordsError {
    #[error("hmcbash: command line too long")]
    TooLong,
    #[error("hmcbash: unexpected EOF while looking for matching quote")]
    Unclosed,
    #[error("hmcbash: {0}: restricted")]
    Restricted(char),
}

/// A line as words: leading assignments such as `LANG=C`, then the command and its options.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Words {
    pub(super) assignments: Vec<String>,
    pub(super) command: Vec<String>,
}

impl Words {
    /// The locale set by the assignments.
    pub(super) fn locale(&self) -> Option<&str> {
        let value = |name: &str| {
            let assigned = self.assignments.iter().rev().filter_map(|word| word.split_once('='));
            assigned.filter(|(assigned, _)| *assigned == name).map(|(_, value)| value).next()
        };
        value("LC_ALL").or_else(|| value("LANG"))
    }
}

/// Splits a line into words.
pub(super) fn split(line: &str) -> Result<Words, WordsError> {
    if line.len() > LINE_LIMIT {
        return Err(WordsError::TooLong);
    }
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(next) = chars.next() {
        match next {
            ' ' | '\t' => words.extend(word.take()),
            '\'' => single(&mut chars, word.get_or_insert_default())?,
            '"' => double(&mut chars, word.get_or_insert_default())?,
            '\\' => match chars.next() {
                Some(escaped) => word.get_or_insert_default().push(escaped),
                None => return Err(WordsError::Unclosed),
            },
            '|' | ';' | '&' | '<' | '>' | '`' | '$' | '(' | ')' | '\n' => {
                return Err(WordsError::Restricted(next));
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    let start = words.iter().position(|word| !is_assignment(word));
    let command = words.split_off(start.unwrap_or(words.len()));
    Ok(Words { assignments: words, command })
}

fn single(chars: &mut impl Iterator<Item = char>, word: &mut String) -> Result<(), WordsError> {
    for next in chars {
        if next == '\'' {
            return Ok(());
        }
        word.push(next);
    }
    Err(WordsError::Unclosed)
}

fn double(chars: &mut impl Iterator<Item = char>, word: &mut String) -> Result<(), WordsError> {
    while let Some(next) = chars.next() {
        match next {
            '"' => return Ok(()),
            '`' | '$' => return Err(WordsError::Restricted(next)),
            '\\' => match chars.next() {
                Some(escaped @ ('"' | '\\' | '$' | '`')) => word.push(escaped),
                Some(other) => word.extend(['\\', other]),
                None => return Err(WordsError::Unclosed),
            },
            other => word.push(other),
        }
    }
    Err(WordsError::Unclosed)
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_splits_them() {
        for (line, expected) in [
            ("lshmc -V", vec!["lshmc", "-V"]),
            ("  a\t b  ", vec!["a", "b"]),
            ("LANG=C LC_ALL='C' lshmc -V", vec!["lshmc", "-V"]),
            ("a 'b c' \"d e\"f", vec!["a", "b c", "d ef"]),
            (r#"a "x\"y" 'p\q' r\ s"#, vec!["a", r#"x"y"#, r"p\q", "r s"]),
            (r#"a "x\y" '' "it's""#, vec!["a", r"x\y", "", "it's"]),
            ("a 'it'\\''s'", vec!["a", "it's"]),
            ("", vec![]),
        ] {
            assert_eq!(split(line).unwrap().command, expected, "{line}");
        }
    }

    #[test]
    fn the_locale_is_what_was_assigned_last() {
        for (line, expected) in [
            ("lshmc", None),
            ("lshmc LANG=C", None),
            ("LANG=C LANG=pl_PL lshmc", Some("pl_PL")),
            ("LC_ALL=C LANG=pl_PL lshmc", Some("C")),
        ] {
            assert_eq!(split(line).unwrap().locale(), expected, "{line}");
        }
    }

    #[test]
    fn a_line_that_is_more_than_a_command_is_refused() {
        for line in ["a | b", "a; b", "a `b`", "a $(b)", "a \"$b\"", "a > b", "a && b", "a\nb"] {
            assert!(matches!(split(line), Err(WordsError::Restricted(_))), "{line}");
        }
        for line in ["a 'b", "a \"b", "a \\"] {
            assert_eq!(split(line), Err(WordsError::Unclosed), "{line}");
        }
        assert_eq!(split(&"x".repeat(20_000)), Err(WordsError::TooLong));
    }
}
