//! Limits of names and texts: those of the systems behind them, so that nothing that is applied fails at its first use.

use std::borrow::Cow;

/// Maximum length of a name.
pub(super) const NAME_LIMIT: usize = 64;
/// Maximum length of the name of a partition, in characters: the HMC takes no longer one.
pub(super) const PARTITION_LIMIT: usize = 31;
/// Maximum length of other text in bytes: a profile, a user, the name of a system, the name of a host.
pub(super) const TEXT_LIMIT: usize = 255;
/// Maximum length of the path of a file in bytes, without the zero at its end (`PATH_MAX`).
pub(super) const PATH_LIMIT: usize = 4095;
/// Maximum length of the value of an attribute in bytes. The kernel takes 128 KiB for one argument or variable of a program.
pub(super) const VALUE_LIMIT: usize = 4 << 10;
/// Maximum length of all attributes of a resource on one server in bytes, names included. Arguments and variables of a
/// program share a quarter of its stack, 2 MiB as a rule; ours and those of the agent itself need room as well.
pub(super) const VALUES_LIMIT: usize = 64 << 10;

/// Whether a text is usable as a name: 1 to 64 of A-Z a-z 0-9 - _ . Names become file names, environment variables and
/// arguments of programs: so none begins with a dash, like an option, or with a dot, or holds two dots.
pub fn is_name(name: &str) -> bool {
    (1..=NAME_LIMIT).contains(&name.len())
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
        && !name.starts_with(['-', '.'])
        && !name.contains("..")
}

/// Whether a manager may have given this name to a partition. It is an argument of commands there.
pub(super) fn is_partition(name: &str) -> bool {
    is_text(name) && name.chars().count() <= PARTITION_LIMIT && !name.starts_with('-')
}

/// Whether a text is not empty, not too long, and without control characters.
pub(super) fn is_text(text: &str) -> bool {
    (1..=TEXT_LIMIT).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Whether a text is the absolute path of a file.
pub(super) fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.len() <= PATH_LIMIT && !path.chars().any(char::is_control)
}

/// A text for a message: whole, or its beginning and its end if it has more than `most` characters.
pub fn excerpt(text: &str, most: usize) -> Cow<'_, str> {
    // A text with few bytes has few characters.
    if text.len() <= most || text.chars().count() <= most {
        return Cow::Borrowed(text);
    }
    let half = most / 2;
    let first = text.chars().take(half);
    let last: Vec<char> = text.chars().rev().take(half).collect();
    Cow::Owned(first.chain(['…']).chain(last.into_iter().rev()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_option_no_hidden_file_and_no_way_up() {
        for name in ["p1", "a", "_a", "web-1.site", "A.b-c_d", &"x".repeat(64)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "-rf", ".", "..", ".hidden", "a..b", "a/b", "a b", "a\n", "ä", "a@b", &"x".repeat(65)] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn a_partition_is_called_as_the_hmc_allows() {
        for name in ["db", "a b (c)", &"ä".repeat(31)] {
            assert!(is_partition(name), "{name}");
        }
        for name in ["", "-n", "a\u{0}", "a\tb", &"x".repeat(32)] {
            assert!(!is_partition(name), "{name}");
        }
    }

    #[test]
    fn a_long_text_is_shown_by_both_of_its_ends() {
        assert_eq!(excerpt("short", 5), "short");
        assert_eq!(excerpt("äöüß", 4), "äöüß");
        assert_eq!(excerpt("0123456789", 4), "01…89");
        assert_eq!(excerpt(&"x".repeat(5_000_000), 60).chars().count(), 61);
    }
}
