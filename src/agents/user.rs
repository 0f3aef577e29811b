//! The users of this machine, for programs that are run as one of them.
//!
//! `setpriv` of util-linux switches to the user, with the user's groups, and then becomes the program itself: the
//! standard library cannot set the groups of a child, and `su` and `runuser` put a session in between.

use nix::unistd::{Uid, User, geteuid};
use std::time::Duration;
use tokio::{task::spawn_blocking, time::timeout};

/// A user of this machine.
#[derive(Clone, Debug)]
pub struct Account {
    name: String,
    pub(crate) id: u32,
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
    /// Whether this process runs as this user already.
    pub(crate) fn is_this(&self) -> bool {
        self.id == geteuid().as_raw()
    }

    /// The arguments of `setpriv` for the user and the user's group.
    pub(crate) fn numbers(&self) -> [String; 2] {
        [format!("--reuid={}", self.id), format!("--regid={}", self.group)]
    }

    /// The user's directory.
    pub(crate) fn home(&self) -> &str {
        &self.home
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

/// Whether this process has the rights of root.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}
