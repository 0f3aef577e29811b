//! Mistakes in a file, with their places, rendered for people and for programs.

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, MietteError, MietteSpanContents, Report,
    SourceCode, SourceSpan, SpanContents,
};
use serde::{Deserialize, Serialize};
use std::{error::Error, fmt, ops::Range, path::Path, string::FromUtf8Error};
use tenure_core::{
    Sentence,
    config::excerpt,
    foreign::{escape, is_harmful},
};

/// Maximum length of a message, or of advice, in characters: either may hold a value from the file.
const LONGEST: usize = 1000;
/// Lines that are shown before and after a mistake.
const AROUND: usize = 1;
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
        let lines = line_starts(text);
        let list = found.into_iter().map(|one| Problem::locate(file, text, &lines, one)).collect();
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
        let lines = line_starts(&self.text);
        for problem in &self.list {
            let Some(part) = Part::around(problem, &self.file, &self.text, &lines) else {
                out.push_str(&format!("{problem}\n"));
                continue;
            };
            let label = LabeledSpan::new_primary_with_span(Some("here".to_owned()), problem.span.clone());
            let mut diagnostic = MietteDiagnostic::new(&problem.message).with_label(label);
            if let Some(help) = &problem.help {
                diagnostic = diagnostic.with_help(help);
            }
            let report = Report::from(diagnostic).with_source_code(part);
            if handler.render_report(&mut out, report.as_ref()).is_err() {
                out.push_str(&problem.to_string());
                out.push('\n');
            }
        }
        out
    }
}

/// Where each line of a text begins.
fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// Lines of a file around a mistake. With the whole file, each mistake would take as long as the file is.
#[derive(Debug)]
struct Part {
    file: String,
    text: String,
    /// Where it begins in the file: the byte, and the number of lines before it.
    start: usize,
    lines: usize,
}

impl Part {
    /// `None` if the lines with the mistake are too long to be shown.
    fn around(problem: &Problem, file: &str, text: &str, starts: &[usize]) -> Option<Self> {
        let last = starts.partition_point(|start| *start <= problem.span.end).max(problem.line);
        let begin = |line: usize| starts.get(line).copied().unwrap_or(text.len());
        if begin(last) - begin(problem.line - 1) > WIDEST {
            return None;
        }
        let lines = (problem.line - 1).saturating_sub(AROUND);
        // Lines beside it may be of any length; they are shown if they are not.
        let first = (lines..problem.line).find(|line| begin(line + 1) - begin(*line) <= WIDEST)?;
        let end = (last..last + AROUND).take_while(|line| begin(line + 1) - begin(*line) <= WIDEST).last();
        let part = text.get(begin(first)..begin(end.map_or(last, |line| line + 1)))?;
        Some(Part { file: escape(file).into_owned(), text: masked(part), start: begin(first), lines: first })
    }
}

impl SourceCode for Part {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let here = span.offset().checked_sub(self.start).ok_or(MietteError::OutOfBounds)?;
        let found = self.text.read_span(&(here, span.len()).into(), before, after)?;
        let at = (found.span().offset() + self.start, found.span().len()).into();
        let (line, column) = (found.line() + self.lines, found.column());
        let (name, count) = (self.file.clone(), found.line_count());
        Ok(Box::new(MietteSpanContents::new_named(name, found.data(), at, line, column, count)))
    }
}

impl Problem {
    fn locate(file: &str, text: &str, lines: &[usize], found: Found) -> Self {
        let mut start = found.span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let line = lines.partition_point(|begin| *begin <= start).max(1);
        let line_start = lines.get(line - 1).copied().unwrap_or_default();
        Problem {
            file: escape(file).into_owned(),
            line,
            column: text[line_start..start].chars().count() + 1,
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
