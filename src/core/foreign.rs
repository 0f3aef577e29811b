//! Text that others wrote: agents, hooks, consoles, other nodes, users. It is made harmless once, where it enters, so that
//! no ledger, log, terminal or page ever holds it raw.
//!
//! A character is harmful if a terminal or a log does something with it instead of showing it: controls (line ends, escape
//! sequences), marks that change the direction of what follows, and what is not seen at all. Each is written as its escape
//! (`\n`, `\u{1b}`). Text that was made harmless stays as it is when it is made harmless again.
//!
//! Refuses to be an identity: two texts can become the same one. What is compared is compared as it was read, or refused.

use serde::{Deserialize, Deserializer, Serialize, de};
use std::{borrow::Cow, fmt, ops::Deref};

/// Characters of a [`ForeignText`].
pub const TEXT: usize = 300;
/// Characters of a [`Sentence`]: one may name many groups.
pub const SENTENCE: usize = 16 * 1024;
/// Characters of [`ForeignLines`].
pub const LINES: usize = 64 * 1024;
/// Stands where something was cut off.
const CUT: char = '…';
/// Longest identity, in bytes.
const IDENTITY: usize = 128;

/// Text of others in one line of at most `MOST` characters. Reading one makes it harmless too, so neither a message nor a
/// snapshot can bring in another.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct OneLine<const MOST: usize>(Box<str>);

/// Words of others: a reason, a remark, a name that is only shown.
pub type ForeignText = OneLine<TEXT>;

/// A sentence of ours in which words of others may stand.
pub type Sentence = OneLine<SENTENCE>;

/// Text of others in lines: as [`ForeignText`], but with its line ends and tabs, and longer.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ForeignLines(Box<str>);

/// Whether a terminal or a log could do something else with a character than show it. The set belongs to the replicated
/// formats, since reading them applies it: all builds of a release line must agree on it, so it is not taken from the tables
/// of a library.
pub const fn is_harmful(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' // controls
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' // without width; marks of direction
        | '\u{2028}'..='\u{202e}' // ends of lines and paragraphs; embeddings and overrides of direction
        | '\u{2060}'..='\u{206f}' // joiners; isolates
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The text with every harmful character escaped.
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_but(text, |_| false)
}

/// The text with every harmful character escaped but line ends and tabs.
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    escape_but(text, |character| matches!(character, '\n' | '\t'))
}

fn escape_but(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let passes = |character: char| !is_harmful(character) || stays(character);
    if text.chars().all(passes) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len().saturating_mul(2));
    for character in text.chars() {
        if passes(character) { escaped.push(character) } else { escaped.extend(character.escape_default()) }
    }
    Cow::Owned(escaped)
}

/// The harmless text, and no more of it than `most` characters; no escape is cut in two.
fn harmless(text: &str, most: usize, stays: impl Fn(char) -> bool) -> Box<str> {
    let mut kept = String::new();
    let mut length = 0_usize;
    // What would be kept if there were more: room for the mark of the cut is left.
    let mut before_cut = 0;
    for character in text.chars() {
        if is_harmful(character) && !stays(character) {
            kept.extend(character.escape_default());
            length = length.saturating_add(character.escape_default().len());
        } else {
            kept.push(character);
            length = length.saturating_add(1);
        }
        if length > most {
            kept.truncate(before_cut);
            kept.push(CUT);
            break;
        }
        if length < most {
            before_cut = kept.len();
        }
    }
    kept.into()
}

impl<const MOST: usize> From<&str> for OneLine<MOST> {
    fn from(text: &str) -> Self {
        OneLine(harmless(text, MOST, |_| false))
    }
}

impl From<ForeignText> for Sentence {
    fn from(text: ForeignText) -> Self {
        // It is shorter, and harmless.
        OneLine(text.0)
    }
}

impl From<&str> for ForeignLines {
    fn from(text: &str) -> Self {
        ForeignLines(harmless(text, LINES, |character| matches!(character, '\n' | '\t')))
    }
}

/// Reads the identity of a thing that others gave it, such as a UUID: visible ASCII characters, and not many. Another one is
/// refused, since one that was made harmless might be another thing's.
pub fn identity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Option::<String>::deserialize(deserializer)? {
        Some(text) if !is_identity(&text) => Err(de::Error::custom("an identity is not 1 to 128 visible characters")),
        found => Ok(found),
    }
}

/// Whether a text can be an identity: see [`identity`].
pub fn is_identity(text: &str) -> bool {
    (1..=IDENTITY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

macro_rules! text {
    ([$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $type {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl<$($generics)*> From<String> for $type {
            fn from(text: String) -> Self {
                text.as_str().into()
            }
        }
        impl<$($generics)*> From<$type> for String {
            fn from(text: $type) -> String {
                text.0.into()
            }
        }
        impl<$($generics)*> Deref for $type {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }
        impl<$($generics)*> PartialEq<str> for $type {
            fn eq(&self, other: &str) -> bool {
                *self.0 == *other
            }
        }
        impl<$($generics)*> PartialEq<&str> for $type {
            fn eq(&self, other: &&str) -> bool {
                *self.0 == **other
            }
        }
        impl<$($generics)*> PartialEq<String> for $type {
            fn eq(&self, other: &String) -> bool {
                *self.0 == **other
            }
        }
        impl<$($generics)*> fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl<$($generics)*> fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
        impl<'de, $($generics)*> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }
    };
}
text!([const MOST: usize] OneLine<MOST>);
text!([] ForeignLines);
