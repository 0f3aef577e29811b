//! Output of a command.

use super::execute::Language;
use crate::world::Span;

/// Output of an empty listing.
pub(super) const NOTHING_FOUND: &str = "No results were found.\n";

/// Output and exit status of a command, and its delay.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Output {
    /// Standard output. Errors of HMC commands go here too.
    pub stdout: String,
    /// Standard error. Only the shell writes here.
    pub stderr: String,
    /// Exit status.
    pub status: u32,
    /// Time from the command's execution to this answer.
    pub delay: Span,
}

impl Output {
    pub(super) fn success(stdout: String) -> Self {
        Output { stdout, ..Output::default() }
    }

    /// An HMC command's refusal: on standard output, with status 1.
    pub(super) fn refusal(message: &str) -> Self {
        Output { stdout: format!("{message}\n"), status: 1, ..Output::default() }
    }

    /// A refusal of the restricted shell, before any HMC command ran.
    pub(super) fn shell(message: &str, status: u32) -> Self {
        Output { stderr: format!("{message}\n"), status, ..Output::default() }
    }

    /// The output in another language, as far as known from recordings: codes and state words stay, sentences change.
    pub(super) fn in_language(self, language: Language) -> Self {
        if language == Language::English || self.stdout.is_empty() {
            return self;
        }
        let code = self.stdout.split(' ').next().filter(|word| word.starts_with("HSCL"));
        let stdout = match (self.status, code) {
            (0, _) if self.stdout == NOTHING_FOUND => "Nie znaleziono wyników.\n".into(),
            (0, _) => return self,
            (_, Some(code)) => format!("{code} Operacja nie powiodła się.\n"),
            (_, None) => "Wprowadzona komenda jest niepoprawna.\n".into(),
        };
        Output { stdout, ..self }
    }
}
