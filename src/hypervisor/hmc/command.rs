//! One command line for the HMC's shell.
//!
//! The remote side is a shell and names may contain spaces, quotes and shell characters, so every value is
//! single-quoted.
//! A line holds exactly one command: no pipes, no substitutions, no second command.

use std::fmt;

/// The prefix of every command, see the documentation of the module `hmc`.
const LOCALE: &str = "LANG=C";

/// A command under construction. Program and flags are constants; only values come from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    line: String,
}

impl Command {
    /// A command without arguments.
    pub fn new(program: &'static str) -> Self {
        Self { line: format!("{LOCALE} {program}") }
    }

    /// Adds a flag.
    pub fn flag(mut self, flag: &'static str) -> Self {
        self.line.push(' ');
        self.line.push_str(flag);
        self
    }

    /// Adds a flag and its value.
    pub fn with(self, flag: &'static str, value: &str) -> Self {
        let mut command = self.flag(flag);
        command.line.push(' ');
        command.line.push_str(&quote(value));
        command
    }

    /// The line to send.
    pub fn line(&self) -> &str {
        &self.line
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

/// Checks a name that comes from configuration. An empty name or one that begins with `-` would be read as something
/// else by the HMC's option parser, and no HMC object has control characters in its name.
pub fn check_name(what: &str, name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err(format!("the name of the {what} is empty"));
    }
    if name.starts_with('-') {
        return Err(format!("the name of the {what} begins with '-': {name:?}"));
    }
    if name.chars().any(char::is_control) {
        return Err(format!("the name of the {what} holds a control character: {name:?}"));
    }
    Ok(())
}

/// Single-quotes for a POSIX shell. Nothing is special between single quotes but the single quote itself.
fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_single_quoted() {
        let command = Command::new("chsysstate").with("-m", "9009-42A*1234567").flag("--immed").with("-n", "a b");
        assert_eq!(command.line(), "LANG=C chsysstate -m '9009-42A*1234567' --immed -n 'a b'");
    }

    #[test]
    fn shell_characters_stay_inside_the_quotes() {
        assert_eq!(quote("x; rm -rf $(HOME) `id` \"q\" \\"), "'x; rm -rf $(HOME) `id` \"q\" \\'");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote("''"), r"''\'''\'''");
    }

    #[test]
    fn names_that_could_be_read_as_something_else_are_refused() {
        for name in ["", "-x", "--immed", "a\nb", "a\0b", "\u{7f}"] {
            assert!(check_name("LPAR", name).is_err(), "{name:?}");
        }
        for name in ["web", "web 1", "w'eb", "wéb", "a-b", "$(x)"] {
            assert!(check_name("LPAR", name).is_ok(), "{name:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_shell_reads_back_what_was_quoted(value in "\\PC*") {
            proptest::prop_assert_eq!(unquote(&quote(&value)), value);
        }
    }

    /// Reads one word as a POSIX shell does, for the two constructs that `quote` uses.
    fn unquote(text: &str) -> String {
        let mut out = String::new();
        let mut quoted = false;
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\'' => quoted = !quoted,
                '\\' if !quoted => out.extend(chars.next()),
                _ => {
                    assert!(quoted, "unquoted {c:?} in {text}");
                    out.push(c);
                }
            }
        }
        assert!(!quoted, "{text}");
        out
    }
}
