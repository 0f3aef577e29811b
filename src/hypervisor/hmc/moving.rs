//! Moving LPARs between servers: live and inactive migration (`migrlpar`), and remote restart (`rrstartlpar`).
//!
//! All of these commands go to an HMC that manages both servers. `-o v` and `-o validate` change nothing; a move that
//! they refuse has certainly not begun, while a move that is refused with an unknown code may have failed half-way.

use super::command::{Command, check_name};
use super::console::Purpose;
use super::mutation::Change;
use crate::hypervisor::ServerAddress;

/// `migrlpar -o m`. The HMC migrates a running LPAR with its memory, and one that is off without.
pub fn migrate(from: &ServerAddress, to: &ServerAddress, lpar: &str) -> Result<Change, String> {
    let command = |operation| command("migrlpar", operation, from, Some(to), lpar);
    Ok(Change { check: Some(command("v")?), command: command("m")?, purpose: Purpose::Move, repeatable: false })
}

/// `migrlpar -o s`.
pub fn stop_migration(from: &ServerAddress, lpar: &str) -> Result<Change, String> {
    Ok(Change::short(command("migrlpar", "s", from, None, lpar)?))
}

/// `migrlpar -o r`. Undoes or completes, whichever is left; takes as long as a migration.
pub fn recover_migration(from: &ServerAddress, lpar: &str) -> Result<Change, String> {
    let command = command("migrlpar", "r", from, None, lpar)?;
    Ok(Change { check: None, command, purpose: Purpose::Move, repeatable: false })
}

/// `rrstartlpar -o restart`. Never with `--noconnection`, which would assert that the source is off.
pub fn restart_elsewhere(from: &ServerAddress, to: &ServerAddress, lpar: &str) -> Result<Change, String> {
    let command = |operation| command("rrstartlpar", operation, from, Some(to), lpar);
    Ok(Change {
        check: Some(command("validate")?),
        command: command("restart")?,
        purpose: Purpose::Move,
        repeatable: false,
    })
}

fn command(
    program: &'static str,
    operation: &'static str,
    from: &ServerAddress,
    to: Option<&ServerAddress>,
    lpar: &str,
) -> Result<Command, String> {
    check_name("server", &from.mtms)?;
    check_name("LPAR", lpar)?;
    let mut command = Command::new(program).with("-o", operation).with("-m", &from.mtms);
    if let Some(to) = to {
        check_name("server", &to.mtms)?;
        if to.mtms == from.mtms {
            return Err(format!("server {} is both source and target", from.name));
        }
        command = command.with("-t", &to.mtms);
    }
    Ok(command.with("-p", lpar))
}

/// The source's address, with the HMCs that manage both servers, in the source's order.
pub fn managed_together(from: &ServerAddress, to: &ServerAddress) -> Result<ServerAddress, String> {
    let hmcs = match (from.hmcs.is_empty(), to.hmcs.is_empty()) {
        (_, true) => from.hmcs.clone(),
        (true, false) => to.hmcs.clone(),
        (false, false) => {
            let common: Vec<String> = from.hmcs.iter().filter(|hmc| to.hmcs.contains(hmc)).cloned().collect();
            if common.is_empty() {
                return Err(format!("no management console manages both {} and {}", from.name, to.name));
            }
            common
        }
    };
    Ok(ServerAddress { hmcs, ..from.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str, hmcs: &[&str]) -> ServerAddress {
        let hmcs = hmcs.iter().map(|hmc| (*hmc).to_owned()).collect();
        ServerAddress { name: name.to_owned(), mtms: format!("9105-22A*{name}"), hmcs }
    }

    #[test]
    fn every_operation_names_what_it_needs() {
        let (p1, p2) = (server("p1", &[]), server("p2", &[]));
        let line = |change: Result<Change, String>| change.unwrap().command.line().to_owned();
        let both = "-m '9105-22A*p1' -t '9105-22A*p2' -p 'it'\\''s'";
        assert_eq!(line(migrate(&p1, &p2, "it's")), format!("LANG=C migrlpar -o 'm' {both}"));
        assert_eq!(line(restart_elsewhere(&p1, &p2, "it's")), format!("LANG=C rrstartlpar -o 'restart' {both}"));
        assert_eq!(line(stop_migration(&p1, "db")), "LANG=C migrlpar -o 's' -m '9105-22A*p1' -p 'db'");
        assert_eq!(line(recover_migration(&p1, "db")), "LANG=C migrlpar -o 'r' -m '9105-22A*p1' -p 'db'");
    }

    #[test]
    fn what_cannot_be_asked_for_is_not() {
        let (p1, p2) = (server("p1", &[]), server("p2", &[]));
        assert!(migrate(&p1, &p1, "db").is_err());
        assert!(restart_elsewhere(&p1, &p2, "--force").is_err());
        assert!(stop_migration(&p1, "").is_err());
    }

    #[test]
    fn only_an_hmc_that_manages_both_servers_will_do() {
        let hmcs = |from: &[&str], to: &[&str]| {
            managed_together(&server("p1", from), &server("p2", to)).map(|address| address.hmcs.join(","))
        };
        assert_eq!(hmcs(&["a", "b", "c"], &["c", "b"]), Ok("b,c".to_owned()));
        assert_eq!(hmcs(&[], &["b"]), Ok("b".to_owned()));
        assert_eq!(hmcs(&["a"], &[]), Ok("a".to_owned()));
        assert_eq!(hmcs(&[], &[]), Ok(String::new()), "all that are configured");
        assert_eq!(hmcs(&["a"], &["b"]), Err("no management console manages both p1 and p2".to_owned()));
    }
}
