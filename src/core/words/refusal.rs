//! A console's message when a command fails: a code, then a sentence. Errors of parameters have no code. Only codes and
//! the two fixed sentences are matched; the rest of the text is for people.

use crate::ForeignText;
use std::fmt;

/// Prefixes of the messages without a code.
const PARAMETER_SENTENCES: [&str; 2] = ["The command entered ", "An invalid "];

/// Prefixes of codes.
const LETTERS: [&str; 6] = ["HSCL", "HSCP", "HWSE", "VIOS", "PVME", "REST"];

/// A refusal by a console.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Refusal {
    /// Its message code, such as `HSCL05EA`. Errors of parameters have none.
    pub code: Option<String>,
    /// Meaning of the code.
    pub kind: RefusalKind,
    /// Its message, shortened, without the code.
    pub message: ForeignText,
}

/// The kinds of refusals, each with its codes.
macro_rules! kinds {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $kind:ident: [$($code:literal),*],)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $kind,)*
        }

        impl $name {
            /// Every kind, with its codes.
            pub const ALL: &[(Self, &[&str])] = &[$((Self::$kind, &[$($code),*])),*];
        }
    };
}

kinds! {
    /// Meaning of a refusal. The codes come from recordings and documentation; each of them is given before anything is
    /// done.
    RefusalKind {
        /// The LPAR is not off, so it cannot be activated.
        AlreadyOn: ["HSCL05EA", "HSCL3681", "PVME01042026"],
        /// The LPAR or the server is off, so it cannot be stopped.
        AlreadyOff: ["HSCL1558", "PVME04000005", "PVME01050901"],
        /// The LPAR's state does not allow the operation.
        WrongState: ["HSCL05DF"],
        /// Too busy: try again later. So is any message with "too busy".
        Busy: ["HSCL3205", "VIOS0014"],
        /// The server is not Operating.
        NotOperating: ["HSCL0238"],
        /// This console has no connection to the server.
        NotConnected: ["HSCL0237"],
        /// No RMC connection to the operating system.
        NoRmc: ["HSCL0DB4", "HSCL2957", "HSCLA246", "PVME01050905", "PVME01050402"],
        /// No such LPAR on this server.
        LparNotFound: ["HSCL8011", "HSCL8012"],
        /// This console does not manage such a server.
        ServerNotFound: ["HSCL8018"],
        /// No such profile.
        ProfileNotFound: ["HSCL800F"],
        /// Our user may not do this.
        NoAuthority: ["HSCL350B"],
        /// Not enough memory or processors, or the resources do not fit.
        Resources: [
            "HSCL03EC", "HSCL03ED", "HSCL0617", "HSCL0622", "HSCL1288", "HSCL1293", "HSCL1295", "HSCLA319"
        ],
        /// A parameter is missing or wrong; the console sends no code with it, unless a description is not printable ASCII.
        Parameter: ["HSCLC63B"],
        /// Another code. It may stand for a failure half-way.
        Other: [],
    }
}

/// The step that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A check whether a change could be made. It changes nothing.
    Check,
    /// A change that was not checked before.
    Change,
    /// A change that had passed its check: a refusal most likely came half-way.
    Checked,
}

impl RefusalKind {
    /// Whether such a refusal proves that nothing was done. After a mere check it always does. An unknown code does not
    /// prove it of a change; and once the check is passed, only a refusal to consider the command at all does.
    pub fn is_definite(self, of: Step) -> bool {
        match of {
            Step::Check => true,
            Step::Change => self != Self::Other,
            Step::Checked => matches!(self, Self::Parameter | Self::NoAuthority),
        }
    }

    fn of(code: &str, message: &str) -> Self {
        let known = Self::ALL.iter().find(|(_, codes)| codes.contains(&code));
        let other = if message.contains("too busy") { Self::Busy } else { Self::Other };
        known.map_or(other, |(kind, _)| *kind)
    }
}

impl Refusal {
    /// Parses one line of a command's output; `None` if it is no message of the console.
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        if let Some((code, message)) = split_code(line) {
            let (kind, message) = (RefusalKind::of(code, message), message.into());
            return Some(Self { code: Some(code.to_owned()), kind, message });
        }
        let is_parameter = PARAMETER_SENTENCES.iter().any(|sentence| line.starts_with(sentence));
        is_parameter.then(|| Self { code: None, kind: RefusalKind::Parameter, message: line.into() })
    }

    /// Whether the refusal is of an attribute in `-F` that this release does not know.
    pub fn is_of_attribute(&self) -> bool {
        self.kind == RefusalKind::Parameter && self.message.to_ascii_lowercase().contains("attribute")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{code} {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// `HSCL05EA text`: four capital letters, then three to twelve hexadecimal digits.
fn split_code(line: &str) -> Option<(&str, &str)> {
    let (code, message) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let code = code.trim_end_matches(':');
    let digits = LETTERS.iter().find_map(|letters| code.strip_prefix(letters))?;
    let is_code = (3..=12).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_code.then_some((code, message.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foreign::TEXT;

    #[test]
    fn every_code_is_of_one_kind() {
        for (kind, codes) in RefusalKind::ALL {
            for code in *codes {
                let of = RefusalKind::ALL.iter().filter(|(_, codes)| codes.contains(code));
                assert_eq!(of.count(), 1, "{code}");
                let (code, message) = ((*code).to_owned(), "The operation.".to_owned());
                let refusal = Refusal::parse(&format!("  {code}: {message}\r\n"));
                assert_eq!(refusal, Some(Refusal { code: Some(code), kind: *kind, message: message.into() }));
            }
        }
        let other = [("HSCL9999 too busy for that", RefusalKind::Busy), ("HSCL9999 x", RefusalKind::Other)];
        for (text, kind) in other {
            assert_eq!(Refusal::parse(text).map(|refusal| refusal.kind), Some(kind), "{text}");
        }
    }

    #[test]
    fn errors_of_parameters_have_no_code() {
        let text = "An invalid attribute was entered.  The invalid attribute is UUID.";
        let refusal = Refusal { code: None, kind: RefusalKind::Parameter, message: text.into() };
        assert_eq!(Refusal::parse(text).as_ref(), Some(&refusal));
        assert!(refusal.is_of_attribute());
        let other = Refusal::parse("The command entered is missing a parameter.");
        assert_eq!(
            other.map(|refusal| (refusal.kind, refusal.is_of_attribute())),
            Some((RefusalKind::Parameter, false))
        );
    }

    #[test]
    fn a_long_message_is_shortened() {
        let refusal = Refusal::parse(&format!("HSCL0237 {}", "ä".repeat(TEXT + 1)));
        let shortened = "ä".repeat(TEXT - 1) + "…";
        assert_eq!(refusal.map(|refusal| refusal.message), Some(shortened.into()));
    }

    #[test]
    fn what_is_no_message_is_no_refusal() {
        for text in ["", "Killed", "java.lang.OutOfMemoryError", "HSCL", "HSCL12", "HSCLzzzz x", "bash: no such"] {
            assert_eq!(Refusal::parse(text), None, "{text}");
        }
        // A message is passed on, so no part of it may be as long as its sender likes.
        assert_eq!(Refusal::parse(&format!("HSCL{}", "0".repeat(13))), None);
    }
}
