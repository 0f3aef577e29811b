//! Lists of LPARs, as a witness gives them: finds the line of a managed LPAR, and interprets it.
//!
//! A name proves little: LPARs are renamed, and another may get the name. What counts is the UUID, which is learnt at
//! the first reading; a console that prints none is believed by name. Nor does a missing line prove much: an LPAR that
//! was listed on a server before and is not any more may still run there, hidden from the asking user.
//!
//! Where a site allows it, an LPAR bears a mark that names the cluster which manages it. An LPAR with the mark of
//! another cluster is not ours to start, stop or move.

use crate::{
    ForeignText, Power, ResourceName,
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
    /// Kind of the LPAR.
    pub environment: Environment,
    /// Its state.
    pub power: Power,
    /// The witness's own word for the state.
    pub word: ForeignText,
    /// The description field of the LPAR; `None` from a console that does not print it, or was not asked.
    pub description: Option<String>,
}

/// Prefix of an owner's mark; the name of the cluster follows.
const MARK: &str = "tenure:";

/// The owner of an LPAR, by its description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nobody: the description is empty.
    Free,
    /// This cluster.
    Ours,
    /// Another cluster.
    Another(ForeignText),
    /// Nobody, and it cannot be marked: the description is in use for something else.
    Words,
}

impl Mark {
    /// The owner that a description names, from the view of the cluster of this name.
    pub fn of(description: &str, cluster: &str) -> Self {
        let text = description.trim();
        match text.strip_prefix(MARK).map(str::trim) {
            _ if text.is_empty() => Mark::Free,
            Some(owner) if owner == cluster => Mark::Ours,
            // A mark without a name belongs to no cluster.
            Some("") | None => Mark::Words,
            Some(owner) => Mark::Another(owner.into()),
        }
    }

    /// The description of an LPAR that the cluster of this name manages.
    pub fn text(cluster: &str) -> String {
        format!("{MARK}{cluster}")
    }
}

/// Kind of an LPAR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Environment {
    /// AIX or Linux.
    #[default]
    AixLinux,
    /// IBM i.
    IbmI,
    /// A VIO server: serves disks and networks to others.
    Vios,
    /// A word that we do not know.
    Other,
}

/// The knowledge of an LPAR on a server before the server's list is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Its UUID, as learnt at its first reading.
    pub uuid: Option<String>,
    /// Whether it was listed on this server, without evidence that it has gone elsewhere since.
    pub listed: bool,
}

/// The knowledge of a server before its list is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownOn {
    /// Each managed LPAR that may be there.
    pub lpars: BTreeMap<ResourceName, Known>,
    /// UUID of the LPAR of the node that lives there, learnt when the node read that LPAR Running.
    pub node: Option<String>,
}

/// Information from a list about an LPAR besides its state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The UUID of the line that bears its name.
    #[serde(deserialize_with = "crate::foreign::identity")]
    pub uuid: Option<String>,
    /// A remark for the operator.
    pub remark: Option<Remark>,
}

/// A remark on a line of a list, for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Remark {
    /// The witness's own word for a state that says nothing certain.
    Word(ForeignText),
    /// The known LPAR has another name now.
    Renamed {
        uuid: ForeignText,
        /// Its present name.
        name: ForeignText,
    },
    /// Another LPAR has the name.
    Another {
        /// The known UUID.
        known: ForeignText,
        /// The UUID that was read.
        found: ForeignText,
    },
    /// It is of another kind than declared, so it is left alone.
    Environment(Environment),
    /// It bears the mark of another cluster.
    Owner {
        /// The name of that cluster.
        cluster: ForeignText,
    },
}

impl Known {
    /// State of the known LPAR, given the state that was read of a line with this UUID.
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

/// State of a declared LPAR by the list of a server, and further information. Another LPAR under its name, its own
/// under another name, one of another kind, and one with the mark of another cluster say nothing of it: they read
/// `Unknown`, never off, and are neither started nor stopped.
pub fn find(cluster: &Cluster, declared: &Lpar, known: &Known, lines: &[Line]) -> (Power, Listed) {
    let named = lines.iter().find(|line| line.name == declared.partition);
    let same = |line: &&Line| known.uuid.is_some() && line.uuid == known.uuid;
    let renamed = lines.iter().find(same).filter(|line| line.name != declared.partition);
    let found = named.and_then(|line| line.uuid.clone());
    let remark = match (named, renamed) {
        (_, Some(line)) => {
            known.uuid.clone().map(|uuid| Remark::Renamed { uuid: uuid.into(), name: line.name.clone().into() })
        }
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
        return Some(Remark::Another { known: known.clone().into(), found: found.clone().into() });
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

/// State of a node's LPAR by a list: the one with this name and, if learnt, this UUID. A VIO server is never that LPAR,
/// or it would be cut off in its place. Another LPAR under its name, and its own under another name, say nothing of it.
pub fn of_node(name: &str, known: Option<&str>, lines: &[Line]) -> (Power, Listed) {
    let mut lines = lines.iter().filter(|line| line.environment != Environment::Vios);
    let named = lines.clone().find(|line| line.name == *name);
    let own = lines.find(|line| known.is_some() && line.uuid.as_deref() == known && line.name != *name);
    let uuid = named.and_then(|line| line.uuid.clone());
    let remark = match (known, own) {
        (Some(known), Some(line)) => Some(Remark::Renamed { uuid: known.into(), name: line.name.clone().into() }),
        (known, None) => another(known, uuid.as_deref()),
        (None, Some(_)) => None,
    };
    let power = if remark.is_some() { Power::Unknown } else { named.map_or(Power::Absent, |line| line.power) };
    (power, Listed { uuid, remark })
}

/// The remark on a UUID that differs from the known one; `None` if they agree, or one is missing.
pub fn another(known: Option<&str>, found: Option<&str>) -> Option<Remark> {
    let (known, found) = known.zip(found).filter(|(known, found)| known != found)?;
    Some(Remark::Another { known: known.into(), found: found.into() })
}

impl Remark {
    /// Whether the LPAR under this name must be left alone, and somebody must look.
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
