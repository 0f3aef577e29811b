//! The message with which an HMC refuses a command: on standard output with exit status 1. Some releases use standard
//! error, so both are read.

use crate::hypervisor::Refusal;

/// Finds the refusal in the two streams of a command that ended with exit status 1. `None` when neither holds a
/// message of the HMC: then the outcome is unknown.
pub fn parse_refusal(stdout: &[u8], stderr: &[u8]) -> Option<Refusal> {
    let streams = [String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr)];
    let mut lines = streams.iter().flat_map(|stream| stream.lines());
    lines.find_map(Refusal::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_found_on_either_stream_and_after_other_lines() {
        let refusal = parse_refusal(b"\nsome banner\n", b"HSCL1558 It is off.\n").unwrap();
        assert_eq!(refusal.code.as_deref(), Some("HSCL1558"));
        assert_eq!(refusal.message, "It is off.");
        assert_eq!(parse_refusal(b"java.lang.OutOfMemoryError\n", b"Killed\n"), None);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(stdout: Vec<u8>, stderr: Vec<u8>) {
            let _ = parse_refusal(&stdout, &stderr);
        }
    }
}
