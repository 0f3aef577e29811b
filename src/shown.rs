//! Text on its way to a terminal or a log: the last guard. What others wrote is harmless since it entered; this is for what
//! an older build kept, for names, and for the unforeseen.
//!
//! Promises: of all that a terminal does not simply show, only line ends, tabs and our own colours get through.

use std::io::{self, Write};
use tenure_core::foreign::is_harmful;

/// The text for a terminal: harmful characters as escapes, except line ends, tabs and changes of colour.
pub fn terminal(text: &str) -> String {
    guarded(text, &['\n', '\t'], true)
}

/// The same JSON in characters that a terminal shows: others as the escapes of JSON.
pub fn json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        // Between values there are line ends alone; within them there are none.
        if is_harmful(character) && character != '\n' {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

fn guarded(text: &str, pass: &[char], colours: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let colour = if colours { colour(rest) } else { 0 };
        let length = colour.max(character.len_utf8());
        if colour > 0 || !is_harmful(character) || pass.contains(&character) {
            shown.push_str(&rest[..length]);
        } else {
            shown.extend(character.escape_default());
        }
        rest = &rest[length..];
    }
    shown
}

/// Length of the change of colour with which a text begins: `ESC [ 1 ; 31 m`. 0 if it begins with anything else.
fn colour(text: &str) -> usize {
    let Some(numbers) = text.strip_prefix("\u{1b}[") else { return 0 };
    let end = numbers.find(|character: char| !character.is_ascii_digit() && character != ';').unwrap_or(numbers.len());
    if numbers[end..].starts_with('m') { text.len() - numbers.len() + end + 1 } else { 0 }
}

/// A log: each event is one line, whatever its message and its fields hold.
pub struct Log<W> {
    inner: W,
    /// Whether it is JSON.
    json: bool,
    /// Whether the log may be in colours.
    colours: bool,
}

impl<W: Write> Log<W> {
    /// A log in text.
    pub fn text(inner: W, colours: bool) -> Self {
        Log { inner, json: false, colours }
    }

    /// A log in JSON.
    pub fn json(inner: W) -> Self {
        Log { inner, json: true, colours: false }
    }
}

impl<W: Write> Write for Log<W> {
    /// Takes a whole event, as the formatter of the log writes it.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let (line, end) = text.strip_suffix('\n').map_or((&*text, ""), |line| (line, "\n"));
        // Within a line of JSON a line end is an escape already.
        let line = if self.json { json(line) } else { guarded(line, &[], self.colours) };
        self.inner.write_all(line.as_bytes())?;
        self.inner.write_all(end.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    const FORGED: &str = "alice\u{1b}[31m\r\n2026-01-01 forged line\u{9b}2J\u{202e}\u{2028}\u{85}\u{7}";

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Kept {
        fn lines(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn log_it(subscriber: impl tracing::Subscriber + Send + Sync) {
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(by = FORGED, shown = %FORGED, debug = ?FORGED, "group database: freeze, asked by {FORGED}");
            tracing::warn!("second");
        });
    }

    fn is_guarded(text: &str) -> bool {
        !text.chars().any(|character| is_harmful(character) && character != '\n')
    }

    #[test]
    fn a_forged_line_of_the_log_is_one_line() {
        let (kept, kept_json) = (Kept::default(), Kept::default());
        let (text, json) = (kept.clone(), kept_json.clone());
        let log = tracing_subscriber::fmt();
        log_it(log.with_ansi(false).with_writer(move || Log::text(text.clone(), false)).finish());
        let log = tracing_subscriber::fmt();
        log_it(log.json().with_writer(move || Log::json(json.clone())).finish());
        for lines in [kept.lines(), kept_json.lines()] {
            assert!(is_guarded(&lines), "{lines:?}");
            assert_eq!(lines.lines().count(), 2, "{lines}");
            assert!(lines.ends_with('\n') && lines.contains("forged line"), "{lines}");
        }
        for line in kept_json.lines().lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
        let event: serde_json::Value = serde_json::from_str(kept_json.lines().lines().next().unwrap()).unwrap();
        assert_eq!(event["fields"]["by"], FORGED, "what programs read is what was said");
    }

    #[test]
    fn a_log_on_a_terminal_keeps_its_own_colours_alone() {
        let kept = Kept::default();
        let text = kept.clone();
        let log = tracing_subscriber::fmt().with_ansi(true);
        log_it(log.with_writer(move || Log::text(text.clone(), true)).finish());
        let lines = kept.lines();
        assert_eq!(lines.lines().count(), 2, "{lines:?}");
        let mut rest = lines.as_str();
        while let Some(at) = rest.find('\u{1b}') {
            let length = colour(&rest[at..]);
            assert!(length > 0 && is_guarded(&rest[..at]), "{lines:?}");
            rest = &rest[at + length..];
        }
        assert!(is_guarded(rest) && !lines.contains("\u{1b}[31mforged"), "{lines:?}");
    }

    #[test]
    fn a_terminal_gets_lines_tabs_and_colours() {
        let ours = "\u{1b}[1;31mred\u{1b}[0m\tand\nplain\u{1b}[m\n";
        assert_eq!(terminal(ours), ours);
        let theirs =
            "ok\r\u{1b}[2J\u{1b}[1;1H\u{1b}]0;owned\u{7}\u{1b}]52;c;cm0=\u{7}\u{1b}[31;\u{1b}[?25l\u{9b}31m\u{202e}";
        let shown = terminal(theirs);
        assert!(is_guarded(&shown), "{shown:?}");
        assert!(shown.starts_with("ok\\r\\u{1b}[2J\\u{1b}[1;1H\\u{1b}]0;owned\\u{7}"), "{shown}");
    }

    #[test]
    fn json_means_the_same() {
        let value = serde_json::json!({ "text": format!("{FORGED}\u{e0041}\t\"") });
        let shown = json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(is_guarded(&shown) && shown.contains("\\udb40\\udc41") && shown.contains("\\u009b2J"), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
