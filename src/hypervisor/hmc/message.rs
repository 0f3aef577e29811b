//! What an HMC says when a command fails.
//!
//! Errors come on standard output with exit status 1 (some releases use standard error, so both are read): a message
//! code, then a sentence. Errors of parameters have no code. Only codes and the two fixed sentences are matched; the
//! rest of the text is for people.

use crate::hypervisor::{Refusal, RefusalKind};

/// Messages are shortened to this many characters.
const LONGEST_MESSAGE: usize = 300;

/// Beginnings of the messages without a code.
const PARAMETER_SENTENCES: [&str; 2] = ["The command entered ", "An invalid "];

/// Reads the refusal out of the two streams of a command that ended with exit status 1. `None` when neither holds a
/// message of the HMC's: then it is not known what happened.
pub fn parse_refusal(stdout: &[u8], stderr: &[u8]) -> Option<Refusal> {
    let streams = [String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr)];
    let mut lines = streams.iter().flat_map(|stream| stream.lines()).map(str::trim);
    lines.find_map(parse_line)
}

/// Whether the refusal says that an attribute in `-F` is not known to this HMC release.
pub fn is_invalid_attribute(refusal: &Refusal) -> bool {
    refusal.kind == RefusalKind::Parameter && refusal.message.to_ascii_lowercase().contains("attribute")
}

fn parse_line(line: &str) -> Option<Refusal> {
    if let Some((code, message)) = split_code(line) {
        let kind = kind_of(code, message);
        return Some(Refusal { code: Some(code.to_owned()), kind, message: shorten(message) });
    }
    let is_parameter = PARAMETER_SENTENCES.iter().any(|sentence| line.starts_with(sentence));
    is_parameter.then(|| Refusal { code: None, kind: RefusalKind::Parameter, message: shorten(line) })
}

/// `HSCL05EA text`: three to five capital letters, then at least four hexadecimal digits.
fn split_code(line: &str) -> Option<(&str, &str)> {
    let (code, message) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let code = code.trim_end_matches(':');
    let letters = ["HSCL", "HSCP", "HWSE", "VIOS", "PVME", "REST"];
    let digits = letters.iter().find_map(|prefix| code.strip_prefix(prefix))?;
    let is_code = digits.len() >= 3 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_code.then_some((code, message.trim()))
}

/// The codes that we know from recordings and documentation. All of them are given before anything is done.
fn kind_of(code: &str, message: &str) -> RefusalKind {
    match code {
        "HSCL05EA" | "HSCL3681" | "PVME01042026" => RefusalKind::AlreadyOn,
        "HSCL1558" | "PVME04000005" | "PVME01050901" => RefusalKind::AlreadyOff,
        "HSCL05DF" => RefusalKind::WrongState,
        "HSCL3205" | "VIOS0014" => RefusalKind::Busy,
        "HSCL0238" => RefusalKind::NotOperating,
        "HSCL0237" => RefusalKind::NotConnected,
        "HSCL0DB4" | "HSCL2957" | "HSCLA246" | "PVME01050905" | "PVME01050402" => RefusalKind::NoRmc,
        "HSCL8011" | "HSCL8012" => RefusalKind::LparNotFound,
        "HSCL8018" => RefusalKind::ServerNotFound,
        "HSCL800F" => RefusalKind::ProfileNotFound,
        "HSCL350B" => RefusalKind::NoAuthority,
        "HSCL03EC" | "HSCL03ED" | "HSCL0617" | "HSCL0622" | "HSCL1288" | "HSCL1293" | "HSCL1295" | "HSCLA319" => {
            RefusalKind::Resources
        }
        "HSCLC63B" => RefusalKind::Parameter,
        _ if message.contains("too busy") => RefusalKind::Busy,
        _ => RefusalKind::Other,
    }
}

fn shorten(message: &str) -> String {
    if message.chars().count() <= LONGEST_MESSAGE {
        return message.to_owned();
    }
    message.chars().take(LONGEST_MESSAGE).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(stdout: &str) -> Option<RefusalKind> {
        parse_refusal(stdout.as_bytes(), b"").map(|refusal| refusal.kind)
    }

    #[test]
    fn codes_are_classified() {
        let table = [
            ("HSCL05EA The operation is not allowed.", RefusalKind::AlreadyOn),
            ("HSCL1558 x", RefusalKind::AlreadyOff),
            ("HSCL3205 x", RefusalKind::Busy),
            ("HSCL0238 x", RefusalKind::NotOperating),
            ("HSCL0237 x", RefusalKind::NotConnected),
            ("HSCL0DB4 x", RefusalKind::NoRmc),
            ("HSCLA246 x", RefusalKind::NoRmc),
            ("HSCLA319 x", RefusalKind::Resources),
            ("HSCL8012 x", RefusalKind::LparNotFound),
            ("HSCL350B x", RefusalKind::NoAuthority),
            ("HSCLC63B x", RefusalKind::Parameter),
            ("HSCL9999 The system is currently too busy to do that.", RefusalKind::Busy),
            ("HSCL9999 x", RefusalKind::Other),
        ];
        for (text, expected) in table {
            assert_eq!(kind(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_message_is_found_on_either_stream_and_after_other_lines() {
        let refusal = parse_refusal(b"\nsome banner\n", b"HSCL1558 It is off.\n").unwrap();
        assert_eq!(refusal.code.as_deref(), Some("HSCL1558"));
        assert_eq!(refusal.message, "It is off.");
    }

    #[test]
    fn what_is_not_a_message_of_the_hmc_is_not_a_refusal() {
        for text in ["", "Killed", "java.lang.OutOfMemoryError", "HSCL", "HSCLzzzz x", "bash: lssyscfg: not found"] {
            assert_eq!(kind(text), None, "{text}");
        }
    }

    #[test]
    fn errors_of_parameters_have_no_code() {
        let text = "An invalid attribute was entered.  The invalid attribute is UUID.";
        let refusal = parse_refusal(text.as_bytes(), b"").unwrap();
        assert_eq!((refusal.kind, refusal.code.as_deref()), (RefusalKind::Parameter, None));
        assert!(is_invalid_attribute(&refusal));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(stdout: Vec<u8>, stderr: Vec<u8>) {
            let _ = parse_refusal(&stdout, &stderr);
        }
    }
}
