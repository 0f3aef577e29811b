//! The file `nodes` beside a user's certificate: where the admin API of each node is. A line for each, `NAME HOST:PORT`, or
//! `HOST:PORT` while it is not known whose address it is; `#` begins a comment.
//!
//! It is no secret and proves nothing: whoever answers at an address has to show a certificate of the cluster.

use super::private;
use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// Its name, in the directory of the certificate.
const NAME: &str = "nodes";
/// Its first line.
const HEAD: &str = "# Where `tenure` finds the nodes of the cluster. It keeps this file up to date itself.\n";

/// The addresses, in the order in which they are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes(Vec<(Option<String>, String)>);

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NodesError {
    /// It cannot be read.
    #[error("read {}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The error.
        #[source]
        source: io::Error,
    },
    /// A line is no address.
    #[error("{}:{line}: {text:?} is not NAME HOST:PORT", .file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The number of the line.
        line: usize,
        /// What is there.
        text: String,
    },
}

impl Nodes {
    /// These addresses, whoever they belong to.
    pub fn at(addresses: impl IntoIterator<Item = String>) -> Self {
        Nodes(addresses.into_iter().map(|address| (None, address)).collect())
    }

    /// The file in a directory.
    pub fn file(directory: &Path) -> PathBuf {
        directory.join(NAME)
    }

    /// Reads it; `None` if there is none.
    pub fn load(directory: &Path) -> Result<Option<Nodes>, NodesError> {
        let file = Nodes::file(directory);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(NodesError::Read { file, source }),
        };
        let mut all = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let says = line.split('#').next().unwrap_or_default();
            let words: Vec<&str> = says.split_whitespace().collect();
            match words[..] {
                [] => {}
                [address] if is_address(address) => all.push((None, address.to_owned())),
                [name, address] if is_address(address) => all.push((Some(name.to_owned()), address.to_owned())),
                _ => return Err(NodesError::Line { file, line: number + 1, text: line.to_owned() }),
            }
        }
        Ok(Some(Nodes(all)))
    }

    /// Writes it, whole or not at all.
    pub fn save(&self, directory: &Path) -> io::Result<()> {
        let _turn = private::lock(directory)?;
        private::write(&Nodes::file(directory), &self.to_string())
    }

    /// The addresses.
    pub fn addresses(&self) -> Vec<String> {
        self.0.iter().map(|(_, address)| address.clone()).collect()
    }

    /// The same after a node named the members, with the addresses of their admin APIs as far as it knows: those of them whose address nobody knows keep the one they had. Addresses that
    /// may belong to one of those stay, too.
    pub fn updated(&self, members: &[(String, Option<String>)]) -> Nodes {
        let before = |name: &str| self.0.iter().find(|(whose, _)| whose.as_deref() == Some(name));
        let mut all: Vec<(Option<String>, String)> = Vec::new();
        for (name, told) in members {
            let told = told.clone().filter(|address| is_address(address));
            let address = told.or_else(|| before(name).map(|(_, address)| address.clone()));
            all.extend(address.map(|address| (Some(name.clone()), address)));
        }
        if all.len() < members.len() {
            let open = self.0.iter().filter(|(whose, _)| whose.is_none());
            let open: Vec<_> = open.filter(|(_, one)| all.iter().all(|(_, other)| other != one)).cloned().collect();
            all.extend(open);
        }
        Nodes(all)
    }
}

/// As it stands in the file.
impl fmt::Display for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        for (name, address) in &self.0 {
            match name {
                Some(name) => writeln!(f, "{name} {address}")?,
                None => writeln!(f, "{address}")?,
            }
        }
        Ok(())
    }
}

/// Whether a text is HOST:PORT.
pub fn is_address(text: &str) -> bool {
    let port =
        text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).and_then(|(_, port)| port.parse::<u16>().ok());
    port.is_some_and(|port| port > 0) && !text.contains(|sign: char| sign.is_whitespace() || sign == '#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Nodes>, String> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(Nodes::file(directory.path()), text).unwrap();
        let place = format!("{}/", directory.path().display());
        Nodes::load(directory.path()).map_err(|why| why.to_string().replace(&place, ""))
    }

    fn told(all: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
        all.iter().map(|(name, address)| ((*name).to_owned(), address.map(str::to_owned))).collect()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let nodes = Nodes(vec![(Some("p1".into()), "10.0.0.1:7101".into()), (None, "[::1]:7101".into())]);
        assert_eq!(read(&nodes.to_string()), Ok(Some(nodes)));
        assert_eq!(read("# nothing\n\n"), Ok(Some(Nodes::default())));
        assert_eq!(Nodes::load(Path::new("/nonexistent")).unwrap(), None);
    }

    #[test]
    fn a_damaged_line_is_named() {
        assert_eq!(
            read("p1 10.0.0.1:7101\np2 10.0.0.2\n"),
            Err("nodes:2: \"p2 10.0.0.2\" is not NAME HOST:PORT".into())
        );
        assert_eq!(read("\u{1b}[2J"), Err("nodes:1: \"\\u{1b}[2J\" is not NAME HOST:PORT".into()));
        assert!(read("p1 10.0.0.1:7101 10.0.0.2:7101").is_err());
    }

    #[test]
    fn members_are_taken_over_and_what_is_not_known_stays() {
        let first = Nodes::at(["10.0.0.1:7101".to_owned()]);
        let two = first.updated(&told(&[("p1", None), ("p2", Some("10.0.0.2:7101"))]));
        assert_eq!(two.addresses(), ["10.0.0.2:7101", "10.0.0.1:7101"], "it may be p1's");
        let both = two.updated(&told(&[("p1", Some("10.0.0.1:7101")), ("p2", None)]));
        assert_eq!(both.to_string().replace(HEAD, ""), "p1 10.0.0.1:7101\np2 10.0.0.2:7101\n");
        let moved = both.updated(&told(&[("p1", None), ("p2", Some("10.9.0.2:7101"))]));
        assert_eq!(moved.addresses(), ["10.0.0.1:7101", "10.9.0.2:7101"]);
        let alone = moved.updated(&told(&[("p2", None)]));
        assert_eq!(alone.to_string().replace(HEAD, ""), "p2 10.9.0.2:7101\n");
        assert_eq!(alone.updated(&told(&[("p2", Some("no address"))])), alone);
    }
}
