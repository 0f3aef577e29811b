//! Lists of LPARs, as a witness gives them: which line is about an LPAR that is managed, and what that line says of it.
//!
//! A name proves little: LPARs are renamed, and another may get the name. What counts is the UUID, which is learnt at the
//! first reading; a console that prints none is believed by name. Nor does a missing line prove much: what was listed on a
//! server before and is not any more may run there all the same, hidden from who asks.
//!
//! Where a site allows it, an LPAR bears a mark that names the cluster which manages it. What bears that of another cluster is
//! not ours to start, stop or move.

use crate::{
    Power, ResourceName,
    config::{Cluster, Lpar, OperatingSystem},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// One LPAR in the list of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Line {
    pub name: String,
    /// Its identity, which moves with it between servers; `None` from a console that does not print it.
    pub uuid: Option<String>,
    /// What kind of LPAR it is.
    pub environment: Environment,
    /// What it does.
    pub power: Power,
    /// The witness's own word for that.
    pub word: String,
    /// What somebody has written about it; `None` from a console that does not print it, or was not asked.
    pub description: Option<String>,
}

/// What an owner's mark begins with; the name of the cluster follows.
const MARK: &str = "tenure:";

/// Whose an LPAR is, by what is written about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nobody's: nothing is written there.
    Free,
    /// That of this cluster.
    Ours,
    /// That of another cluster.
    Another(String),
    /// Nobody's, and it cannot be marked: somebody has written something else there.
    Words,
}

impl Mark {
    /// Whose mark a description is, to the cluster of this name.
    pub fn of(description: &str, cluster: &str) -> Self {
        let text = description.trim();
        match text.strip_prefix(MARK).map(str::trim) {
            _ if text.is_empty() => Mark::Free,
            Some(owner) if owner == cluster => Mark::Ours,
            // A mark that names nobody is no cluster's.
            Some("") | None => Mark::Words,
            Some(owner) => Mark::Another(owner.to_owned()),
        }
    }

    /// What is written about an LPAR that the cluster of this name manages.
    pub fn text(cluster: &str) -> String {
        format!("{MARK}{cluster}")
    }
}

/// What kind of LPAR one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Environment {
    /// AIX or Linux.
    #[default]
    AixLinux,
    /// IBM i.
    IbmI,
    /// A VIO server: others live on it.
    Vios,
    /// A word that we do not know.
    Other,
}

/// What is known of an LPAR on a server before its list is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Its UUID, as learnt at its first reading.
    pub uuid: Option<String>,
    /// It was listed on this server, and nothing says that it has gone elsewhere since.
    pub listed: bool,
}

/// What is known of a server before its list is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownOn {
    /// Of each managed LPAR that may be there.
    pub lpars: BTreeMap<ResourceName, Known>,
    /// UUID of the LPAR of the node that lives there, as learnt when the node read that Running.
    pub node: Option<String>,
}

/// What a list says of an LPAR besides its state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The UUID of the line that bears its name.
    pub uuid: Option<String>,
    /// What somebody should know of it.
    pub remark: Option<Remark>,
}

/// What somebody should know of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Remark {
    /// The witness's own word for a state that says nothing certain.
    Word(String),
    /// The LPAR that is known has another name now.
    Renamed {
        uuid: String,
        /// What it is called now.
        name: String,
    },
    /// Another LPAR has its name.
    Another {
        /// The UUID that is known.
        known: String,
        /// The UUID that was read.
        found: String,
    },
    /// It is of another kind than is declared, so it is left alone.
    Environment(Environment),
    /// It bears the mark of another cluster.
    Owner {
        /// The name of that cluster.
        cluster: String,
    },
}

impl Known {
    /// What a state that was read of a line with this UUID says of the LPAR that is known.
    pub fn says(&self, power: Power, uuid: Option<&str>) -> Power {
        let other = self.uuid.as_deref().zip(uuid).is_some_and(|(known, found)| known != found);
        match power {
            _ if other => Power::Unknown,
            Power::Absent | Power::Missing if self.listed => Power::Missing,
            Power::Absent | Power::Missing => Power::Absent,
            Power::Off
            | Power::Starting
            | Power::Running
            | Power::Stopping
            | Power::OffOnPurpose
            | Power::Unknown
            | Power::Moving
            | Power::Error => power,
        }
    }
}

/// What the list of a server says of an LPAR that is declared. Another LPAR under its name, its own under another name, one
/// of another kind, and one that is marked as another cluster's say nothing of it: they read `Unknown`, never off, and are
/// neither started nor stopped.
pub fn find(cluster: &Cluster, declared: &Lpar, known: &Known, lines: &[Line]) -> (Power, Listed) {
    let named = lines.iter().find(|line| line.name == declared.partition);
    let same = |line: &&Line| known.uuid.is_some() && line.uuid == known.uuid;
    let renamed = lines.iter().find(same).filter(|line| line.name != declared.partition);
    let found = named.and_then(|line| line.uuid.clone());
    let remark = match (named, renamed) {
        (_, Some(line)) => known.uuid.clone().map(|uuid| Remark::Renamed { uuid, name: line.name.clone() }),
        (Some(line), None) => remark_on(cluster, declared, known, line),
        (None, None) => None,
    };
    let power = match named {
        _ if remark.as_ref().is_some_and(Remark::is_alarm) => Power::Unknown,
        Some(line) => line.power,
        None => known.says(Power::Absent, None),
    };
    (power, Listed { uuid: found, remark })
}

fn remark_on(cluster: &Cluster, declared: &Lpar, known: &Known, line: &Line) -> Option<Remark> {
    if let Some((known, found)) = known.uuid.as_ref().zip(line.uuid.as_ref()).filter(|(known, found)| known != found) {
        return Some(Remark::Another { known: known.clone(), found: found.clone() });
    }
    let as_declared = match line.environment {
        Environment::AixLinux => declared.os == OperatingSystem::AixLinux,
        Environment::IbmI => declared.os == OperatingSystem::IbmI,
        Environment::Vios | Environment::Other => false,
    };
    if !as_declared {
        return Some(Remark::Environment(line.environment));
    }
    let described = line.description.as_deref().filter(|_| cluster.owner_mark);
    if let Some(Mark::Another(cluster)) = described.map(|text| Mark::of(text, &cluster.name)) {
        return Some(Remark::Owner { cluster });
    }
    (line.power == Power::Unknown && !line.word.is_empty()).then(|| Remark::Word(line.word.clone()))
}

/// What a list says of the LPAR of a node with this name and, where it was learnt, this UUID. A VIO server is never that: it
/// would be cut off in its place. Another LPAR under its name, and its own under another name, say nothing of it.
pub fn of_node(name: &str, known: Option<&str>, lines: &[Line]) -> (Power, Listed) {
    let mut lines = lines.iter().filter(|line| line.environment != Environment::Vios);
    let named = lines.clone().find(|line| line.name == *name);
    let own = lines.find(|line| known.is_some() && line.uuid.as_deref() == known && line.name != *name);
    let uuid = named.and_then(|line| line.uuid.clone());
    let remark = match (known, own) {
        (Some(known), Some(line)) => Some(Remark::Renamed { uuid: known.to_owned(), name: line.name.clone() }),
        (known, None) => another(known, uuid.as_deref()),
        (None, Some(_)) => None,
    };
    let power = if remark.is_some() { Power::Unknown } else { named.map_or(Power::Absent, |line| line.power) };
    (power, Listed { uuid, remark })
}

/// What is to be said of another UUID than the one that is known.
pub fn another(known: Option<&str>, found: Option<&str>) -> Option<Remark> {
    let (known, found) = known.zip(found).filter(|(known, found)| known != found)?;
    Some(Remark::Another { known: known.to_owned(), found: found.to_owned() })
}

impl Remark {
    /// Whether what was found under its name must be left alone, and somebody must look.
    pub fn is_alarm(&self) -> bool {
        !matches!(self, Remark::Word(_))
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remark::Word(word) => write!(f, "its manager's word for it is {word}"),
            Remark::Renamed { uuid, name } => write!(f, "it is called {name} there now (UUID {uuid})"),
            Remark::Another { known, found } => {
                write!(f, "another LPAR has its name: that has UUID {found}, it has {known}")
            }
            Remark::Environment(Environment::Vios) => f.write_str("a VIO server has its name, which is never managed"),
            Remark::Environment(Environment::IbmI) => {
                f.write_str("it runs IBM i, and is not declared so (`os = \"ibmi\"`)")
            }
            Remark::Environment(Environment::AixLinux) => f.write_str("it is declared as IBM i, and is not"),
            Remark::Environment(Environment::Other) => f.write_str("it is of a kind that is not known"),
            Remark::Owner { cluster } => write!(
                f,
                "it is marked as managed by cluster {cluster}; if that is no longer so, clear its description at its manager"
            ),
        }
    }
}
