//! The terminal of a command: output, errors, questions. All side effects of rendering are here, and all text goes through
//! one guard ([`shown`]): a node or a file may hold what a terminal would obey.

use super::{Exit, Fault, render};
use crate::shown;
use render::Style;
use serde::Serialize;
use std::io::{self, BufRead, IsTerminal, Write};

/// Width of lines if the output is no terminal.
const PLAIN_WIDTH: usize = 120;

/// Output, errors, and an operator who may be asked.
pub struct Terminal {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    input: Box<dyn BufRead + Send>,
    /// Whether an operator can answer questions.
    pub interactive: bool,
    /// Style of the output.
    pub style: Style,
    /// Style of errors.
    pub error_style: Style,
}

impl Terminal {
    /// The terminal of this process.
    pub fn system() -> Self {
        let width = comfy_table::Table::new().width().map_or(PLAIN_WIDTH, usize::from);
        let style =
            |choice: anstream::ColorChoice| Style { colour: !matches!(choice, anstream::ColorChoice::Never), width };
        Terminal {
            style: style(anstream::stdout().current_choice()),
            error_style: style(anstream::stderr().current_choice()),
            out: Box::new(anstream::stdout()),
            err: Box::new(anstream::stderr()),
            input: Box::new(io::BufReader::new(io::stdin())),
            interactive: io::stdin().is_terminal() && io::stdout().is_terminal(),
        }
    }

    /// For tests: without colours, with these answers to questions (`None`: not interactive).
    pub fn scripted(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>, answers: Option<&str>) -> Self {
        let style = Style { colour: false, width: PLAIN_WIDTH };
        let input = io::Cursor::new(answers.unwrap_or_default().to_owned().into_bytes());
        let interactive = answers.is_some();
        Terminal { out, err, input: Box::new(input), interactive, style, error_style: style }
    }

    /// Writes text that contains its line ends.
    pub(super) fn print(&mut self, text: &str) -> Result<(), Fault> {
        self.write(&shown::terminal(text))
    }

    fn write(&mut self, shown: &str) -> Result<(), Fault> {
        self.out.write_all(shown.as_bytes())?;
        self.out.flush()?;
        Ok(())
    }

    /// Writes a line.
    pub(super) fn line(&mut self, text: impl std::fmt::Display) -> Result<(), Fault> {
        self.print(&format!("{text}\n"))
    }

    /// Begins a new screen on an interactive terminal; elsewhere, leaves a line free.
    pub(super) fn clear(&mut self) -> Result<(), Fault> {
        self.out.write_all(if self.interactive { b"\x1b[2J\x1b[H" } else { b"\n" })?;
        Ok(())
    }

    /// Shows the step in progress, on an interactive terminal; an empty text removes it.
    pub(super) fn progress(&mut self, text: &str) {
        if self.interactive {
            // It does not matter if this cannot be shown.
            let _ = write!(self.err, "\r\u{1b}[K{}", shown::terminal(text)).and_then(|()| self.err.flush());
        }
    }

    /// Writes a value as JSON: what a terminal would not show is escaped, and so means the same to programs.
    pub(super) fn json(&mut self, value: &impl Serialize) -> Result<(), Fault> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
        self.write(&format!("{}\n", shown::json(&text)))
    }

    /// Writes a value as one line of JSON.
    pub(super) fn json_line(&mut self, value: &impl Serialize) -> Result<(), Fault> {
        let text = serde_json::to_string(value).map_err(io::Error::other)?;
        self.write(&format!("{}\n", shown::json(&text)))
    }

    /// Asks a question, and returns the answer without its line end.
    pub(super) fn ask(&mut self, question: &str) -> Result<String, Fault> {
        self.print(question)?;
        let mut answer = String::new();
        self.input.read_line(&mut answer)?;
        Ok(answer.trim().to_owned())
    }

    /// Writes warnings, to the error output.
    pub(super) fn warn(&mut self, warnings: &[String]) {
        // There is nowhere left to report that this failed.
        let _ = self.err.write_all(shown::terminal(&render::warnings(warnings, self.error_style)).as_bytes());
    }

    /// Writes an error and the next step.
    pub(super) fn fault(&mut self, fault: &Fault, json: bool) -> Exit {
        // `tenure events | head` ends this way, and that is no error.
        if matches!(fault, Fault::Output(why) if why.kind() == io::ErrorKind::BrokenPipe) {
            return Exit::Done;
        }
        let written = if json {
            let error = serde_json::json!({ "error": fault.view() });
            self.out.write_all(format!("{}\n", shown::json(&format!("{error:#}"))).as_bytes())
        } else {
            self.err.write_all(shown::terminal(&render::error(fault, self.error_style)).as_bytes())
        };
        // There is nowhere left to report that this failed.
        let _ = written;
        fault.exit()
    }
}
