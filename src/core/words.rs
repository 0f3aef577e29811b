//! The words of a hypervisor's consoles and their meaning to the ledger: one table for all code that reads or commands
//! a server, real or simulated.
//!
//! Promises: total. Anything uncertain becomes `Unknown` here, never `Off`, and a command that may have had an effect
//! is never reported as without effect. Refuses to know how a console is asked, and which.

/// The words of a console in one enumeration, and any other text that it prints. The first spelling is that of its
/// command line.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $word:ident: $text:literal $(or $other:literal)*,)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $word,)*
            /// `Unknown`, or a word that is not in the enumeration, as it was printed.
            Unknown(ForeignText),
        }

        impl $name {
            /// Every word of the enumeration.
            pub const ALL: &[Self] = &[$(Self::$word),*];

            /// Parses the console's word.
            pub fn parse(text: &str) -> Self {
                $(if same(text, $text) $(|| same(text, $other))* { return Self::$word; })*
                Self::Unknown(text.trim().into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$word => f.write_str($text),)*
                    Self::Unknown(text) => unknown(f, text),
                }
            }
        }
    };
}

mod answer;
mod read;
mod refusal;
mod seen;
mod state;

pub use answer::{Told, answer};
pub use read::{Asked, managed, no_reading, power, reading, system, vios};
pub use refusal::{Refusal, RefusalKind, Step};
pub use seen::{Inventory, LparReading, ServerReading};
pub use state::{Connection, LparEnvironment, LparState, RmcState, SystemState};
