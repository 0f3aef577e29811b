//! Command lines and assignments as people write them, split without a shell.

use super::super::launch;

/// Splits a command line into words. Quotes keep words together; a backslash takes the next character literally, in
/// double quotes only before a quote or a backslash. Nothing is expanded.
pub(crate) fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some('\'') => break,
                        Some(letter) => word.push(letter),
                        None => return Err(format!("a quote is not closed: {line}")),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some('"') => break,
                        Some('\\') if matches!(letters.peek(), Some('"' | '\\')) => word.extend(letters.next()),
                        Some(letter) => word.push(letter),
                        None => return Err(format!("a quote is not closed: {line}")),
                    }
                }
            }
            '\\' => match letters.next() {
                Some(letter) => word.get_or_insert_default().push(letter),
                None => return Err(format!("a backslash stands at the end: {line}")),
            },
            letter if letter.is_whitespace() => words.extend(word.take()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Reads assignments: `A=b;C=d`, also one per line, with `export ` and with comments that begin with `#`. The error
/// quotes nothing of the text: it may be a secret.
pub(crate) fn assignments(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut all = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let parts = line.split(';').map(str::trim).filter(|part| !part.is_empty() && !part.starts_with('#'));
        for part in parts {
            let part = part.strip_prefix("export ").unwrap_or(part);
            let found = part.split_once('=').filter(|(name, _)| launch::is_name(name.trim()));
            let (name, value) = found.ok_or_else(|| format!("line {} is no NAME=value", number + 1))?;
            let value = value.trim();
            let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
            all.push((name.trim().to_owned(), quoted.unwrap_or(value).to_owned()));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_words_together_and_nothing_is_expanded() {
        let split = |line| split(line).unwrap();
        assert_eq!(
            split("/bin/app  -c '/etc/my app' \"a \\\"b\\\" $HOME\" c\\ d ''"),
            ["/bin/app", "-c", "/etc/my app", "a \"b\" $HOME", "c d", ""]
        );
        assert!(split("  ").is_empty());
        assert_eq!(split("a'b'c;d|e"), ["abc;d|e"]);
    }

    #[test]
    fn what_is_left_open_is_refused() {
        for line in ["'a", "\"a", "a\\"] {
            assert!(split(line).is_err(), "{line}");
        }
    }

    #[test]
    fn assignments_have_names() {
        let read = assignments("A=b;C='d e'; export F=\"g\"\n# H=i\n").unwrap();
        let read: Vec<(&str, &str)> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(read, [("A", "b"), ("C", "d e"), ("F", "g")]);
        assert_eq!(assignments("A=b\n\nC"), Err("line 3 is no NAME=value".to_owned()));
        assert_eq!(assignments("A b=c"), Err("line 1 is no NAME=value".to_owned()));
    }
}
