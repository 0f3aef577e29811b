//! The encoding of a log entry's command: the product's, or one of this crate's own.

use tenure_storage::Command;

const APPLICATION: u8 = 0;
const RAISE_LEVEL: u8 = 1;

/// A log entry's command, read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read<'a> {
    Application(&'a [u8]),
    RaiseLevel(u32),
}

/// The product's command as it goes into the log.
pub(crate) fn tagged(command: &[u8]) -> Command {
    let mut bytes = Vec::with_capacity(1 + command.len());
    bytes.push(APPLICATION);
    bytes.extend(command);
    Command(bytes)
}

/// Raises the feature level.
pub(crate) fn raise(level: u32) -> Command {
    let mut bytes = vec![RAISE_LEVEL];
    bytes.extend(level.to_le_bytes());
    Command(bytes)
}

/// `Err` is the reason why this program cannot apply the command.
pub(crate) fn read(command: &Command) -> Result<Read<'_>, String> {
    match command.0.split_first() {
        Some((&APPLICATION, rest)) => Ok(Read::Application(rest)),
        Some((&RAISE_LEVEL, rest)) => match rest.try_into() {
            Ok(level) => Ok(Read::RaiseLevel(u32::from_le_bytes(level))),
            Err(_) => Err(format!("a feature level of {} bytes", rest.len())),
        },
        Some((tag, _)) => Err(format!("a command of kind {tag}, which this program does not know")),
        None => Err("an empty command".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These bytes are in logs. Never change them; add a kind.
    #[test]
    fn kinds_stay_what_they_are() {
        assert_eq!(tagged(b"x").0, [0, b'x']);
        assert_eq!(raise(7).0, [1, 7, 0, 0, 0]);
    }

    #[test]
    fn commands_round_trip_and_unknown_ones_are_refused() {
        assert_eq!(read(&tagged(b"x")), Ok(Read::Application(b"x")));
        assert_eq!(read(&raise(7)), Ok(Read::RaiseLevel(7)));
        for bad in [vec![], vec![9], vec![RAISE_LEVEL, 1]] {
            assert!(read(&Command(bad)).is_err());
        }
    }
}
