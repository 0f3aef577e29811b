//! Running a program as another user.
//!
//! `setpriv` of util-linux switches to the user, with the user's groups, and then becomes the program itself: the
//! standard library cannot set the groups of a child, and `su` and `runuser` put a session or a shell in between.

use nix::unistd::{Uid, User, geteuid};
use std::time::Duration;
use tokio::{task::spawn_blocking, time::timeout};

/// The program that runs another one as a given user.
const SETPRIV: &str = "setpriv";

/// A user of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    name: String,
    pub id: u32,
    group: u32,
    home: String,
}

/// Looks a user up by name or number. That may ask a directory on the network, so it is given up after `within`.
pub(crate) async fn account(name: &str, within: Duration) -> Result<Account, String> {
    let wanted = name.to_owned();
    let found = spawn_blocking(move || match wanted.parse() {
        Ok(id) => User::from_uid(Uid::from_raw(id)),
        Err(_) => User::from_name(&wanted),
    });
    match timeout(within, found).await {
        Ok(Ok(Ok(Some(user)))) => Ok(Account {
            name: user.name,
            id: user.uid.as_raw(),
            group: user.gid.as_raw(),
            home: user.dir.display().to_string(),
        }),
        Ok(Ok(Ok(None))) => Err(format!("there is no user {name} here")),
        Ok(Ok(Err(error))) => Err(format!("user {name}: {error}")),
        Ok(Err(_)) | Err(_) => Err(format!("user {name} was not found within {within:?}")),
    }
}

impl Account {
    /// The command that runs a program as this user.
    pub(crate) fn command(&self, path: String, arguments: Vec<String>) -> (String, Vec<String>) {
        if self.id == geteuid().as_raw() {
            return (path, arguments);
        }
        let mut words = vec![
            format!("--reuid={}", self.id),
            format!("--regid={}", self.group),
            "--init-groups".to_owned(),
            "--".to_owned(),
            path,
        ];
        words.extend(arguments);
        (SETPRIV.to_owned(), words)
    }

    /// Environment variables of the user's programs.
    pub(crate) fn variables(&self) -> [(String, String); 3] {
        [
            ("HOME".to_owned(), self.home.clone()),
            ("LOGNAME".to_owned(), self.name.clone()),
            ("USER".to_owned(), self.name.clone()),
        ]
    }
}
