//! Mistakes in a file, with their places, rendered for people and for programs.

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};
use serde::{Deserialize, Serialize};
use std::{error::Error, fmt, ops::Range, path::Path, string::FromUtf8Error};
use tenure_core::{
    Sentence,
    config::excerpt,
    foreign::{escape, is_harmful},
};

/// Maximum length of a message, or of advice, in characters: either may hold a value from the file.
const LONGEST: usize = 1000;
/// Maximum length of a line, in bytes, that is shown with a mistake.
const WIDEST: usize = 1000;

/// All mistakes in one file, in the order of the lines. Never empty.
#[derive(Debug, Clone)]
pub struct Problems {
    file: String,
    text: String,
    list: Vec<Problem>,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file, as it was named.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The mistake.
    pub message: String,
    /// The advice.
    pub help: Option<String>,
    #[serde(skip)]
    pub(crate) span: Range<usize>,
}

/// A mistake, with its place as a range of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) span: Range<usize>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Found {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Found { span, message: message.into(), help: None }
    }
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl Problems {
    pub(crate) fn new(file: &str, text: &str, mut found: Vec<Found>) -> Self {
        found.sort_by_key(|one| (one.span.start, one.span.end));
        found.dedup();
        let list = found.into_iter().map(|one| Problem::locate(file, text, one)).collect();
        Problems { file: file.to_owned(), text: text.to_owned(), list }
    }

    /// The error for a file that could not be read at all.
    pub fn unreadable(file: &str, why: &std::io::Error) -> Self {
        let found = Found::new(0..0, format!("the file cannot be read: {why}")).help("check its name and its mode");
        Problems::new(file, "", vec![found])
    }

    /// Reads a file that has to be text.
    ///
    /// # Errors
    /// The error of reading it, or the first byte that is not text.
    pub fn read(file: &Path) -> Result<String, Self> {
        let name = file.display().to_string();
        let bytes = std::fs::read(file).map_err(|why| Problems::unreadable(&name, &why))?;
        String::from_utf8(bytes).map_err(|why| Problems::not_text(&name, &why))
    }

    fn not_text(file: &str, why: &FromUtf8Error) -> Self {
        let (at, bytes) = (why.utf8_error().valid_up_to(), why.as_bytes());
        let text = String::from_utf8_lossy(bytes.get(..at).unwrap_or_default());
        let byte = bytes.get(at).copied().unwrap_or_default();
        let what = format!("the file is not UTF-8 text: byte {} of it is {byte:#04x}", at + 1);
        let found = Found::new(at..at, what).help("save it as UTF-8, or write that character anew");
        Problems::new(file, &text, vec![found])
    }

    /// Each mistake with its place.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// Text for a terminal: the lines of the file, with the mistakes marked.
    pub fn fancy(&self, colour: bool) -> String {
        let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_width(100);
        let mut out = String::new();
        for problem in &self.list {
            if self.line_of(problem) > WIDEST {
                out.push_str(&format!("{problem}\n"));
                continue;
            }
            let label = LabeledSpan::new_primary_with_span(Some("here".to_owned()), problem.span.clone());
            let mut diagnostic = MietteDiagnostic::new(&problem.message).with_label(label);
            if let Some(help) = &problem.help {
                diagnostic = diagnostic.with_help(help);
            }
            let source = NamedSource::new(escape(&self.file), masked(&self.text));
            let report = Report::from(diagnostic).with_source_code(source);
            if handler.render_report(&mut out, report.as_ref()).is_err() {
                out.push_str(&problem.to_string());
                out.push('\n');
            }
        }
        out
    }
}

impl Problems {
    /// Length of the lines that a mistake is in.
    fn line_of(&self, problem: &Problem) -> usize {
        let (before, after) = (self.text.get(..problem.span.start), self.text.get(problem.span.end..));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        let first = before.rfind('\n').map_or(0, |at| at + 1);
        let last = after.find('\n').unwrap_or(after.len());
        problem.span.end + last - first
    }
}

impl Problem {
    fn locate(file: &str, text: &str, found: Found) -> Self {
        let mut start = found.span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Problem {
            file: escape(file).into_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: Sentence::from(&*excerpt(&found.message, LONGEST)).into(),
            help: found.help.map(|help| Sentence::from(&*excerpt(&help, LONGEST)).into()),
            span: start..found.span.end.clamp(start, text.len()),
        }
    }

    /// The mistake and the advice, without the place.
    pub fn words(&self) -> String {
        match &self.help {
            Some(help) => format!("{}; {help}", self.message),
            None => self.message.clone(),
        }
    }
}

/// The text with a question mark for each byte of a harmful character, so that places stay the same.
fn masked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' | '\t' => shown.push(character),
            '\r' if characters.peek() == Some(&'\n') => shown.push(character),
            character if is_harmful(character) => shown.push_str(&"?".repeat(character.len_utf8())),
            character => shown.push(character),
        }
    }
    shown
}

impl fmt::Display for Problem {
    /// `site.toml:12:9: there is no server p9; declared: p1, p2`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.words())
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.list.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl Error for Problems {}
