//! The daemon's interface, implemented for HMCs.

use super::{HmcAddress, HmcDriver, HmcKey};
use crate::hypervisor::{
    Accounts, Change, CommandError, Hypervisor, Login, ManagerContact, ManagerHealth, ReadError, ServerAddress,
    ServerReading, Sharing, Turns, Unfit, Urgency,
};
use async_trait::async_trait;
use std::time::Duration;
use tenure_core::{
    ForeignText,
    config::{Cluster, Manager},
};

#[async_trait]
impl Hypervisor for HmcDriver {
    /// Connections to HMCs that did not change are kept.
    fn configure(&self, cluster: &Cluster) {
        self.ask_descriptions(cluster.owner_mark);
        let Some(key) = self.key() else { return };
        let hmcs = cluster.managers.iter().map(|(name, Manager::Hmc(hmc))| HmcAddress {
            name: name.to_string(),
            address: hmc.address.clone(),
            user: hmc.user.clone(),
            key: HmcKey::File(key.to_owned()),
            host_key_fingerprint: hmc.host_key.clone(),
        });
        self.replace(hmcs.collect());
    }

    async fn read(
        &self,
        server: &ServerAddress,
        urgency: Urgency,
        within: Duration,
    ) -> Result<ServerReading, ReadError> {
        self.read_for(server, urgency, within).await
    }

    async fn change(&self, change: &Change<'_>, within: Duration) -> Result<(), CommandError> {
        match *change {
            Change::Start { server, lpar, profile } => self.start_lpar(server, lpar, profile, within).await,
            Change::Stop { server, lpar, how } => self.stop_lpar(server, lpar, how, within).await,
            Change::Mark { server, lpar, mark } => self.mark_lpar(server, lpar, mark, within).await,
            Change::Migrate { from, to, lpar } => self.migrate_lpar(from, to, lpar, within).await,
            Change::RestartElsewhere { from, to, lpar } => self.restart_elsewhere(from, to, lpar, within).await,
            Change::StopMigration { from, lpar } => self.stop_migration(from, lpar, within).await,
            Change::RecoverMigration { server, lpar } => self.recover_migration(server, lpar, within).await,
            Change::PowerOff { server } => self.power_off_server(server, within).await,
        }
    }

    fn health(&self) -> Vec<ManagerHealth> {
        let all = self.all();
        all.iter()
            .filter_map(|hmc| {
                Some(ManagerHealth { name: hmc.console.name().to_owned(), answers: hmc.console.answers()? })
            })
            .collect()
    }

    fn contacts(&self) -> Vec<ManagerContact> {
        self.all().iter().filter_map(|hmc| hmc.console.contact()).collect()
    }

    async fn knock(&self, manager: &str, within: Duration) {
        self.knock_at(manager, within).await;
    }

    async fn attempt(&self, name: &str, manager: &Manager) -> Result<(), Unfit> {
        let Manager::Hmc(hmc) = manager;
        self.try_entry(name, hmc).await
    }

    fn accounts(&self) -> Option<&dyn Accounts> {
        Some(self)
    }

    fn sharing(&self) -> Option<&dyn Sharing> {
        Some(self)
    }
}

#[async_trait]
impl Accounts for HmcDriver {
    fn logins(&self) -> Vec<(String, Option<Login>)> {
        let all = self.all();
        all.iter().map(|hmc| (hmc.console.name().to_owned(), hmc.console.connection().login())).collect()
    }

    fn take_turns(&self, turns: Option<Turns>) {
        self.set_turns(turns);
    }

    fn hold(&self, manager: &str, why: Option<ForeignText>) {
        if let Some(found) = self.by_name(manager) {
            found.console.connection().hold(why);
        }
    }

    fn forget_login(&self, manager: &str) {
        if let Some(found) = self.by_name(manager) {
            found.console.connection().forget_login();
        }
    }

    async fn keep_up(&self) {
        let all = self.all();
        futures::future::join_all(all.iter().map(|hmc| hmc.console.connection().keep_up())).await;
    }

    async fn try_login(&self, manager: &str) {
        if let Some(found) = self.by_name(manager) {
            found.console.connection().try_login().await;
        }
    }
}
