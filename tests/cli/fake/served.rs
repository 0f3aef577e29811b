//! The fake node behind the API, on a port.

use super::{Fake, Site};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize},
    },
};
use tenure::api::{Backend, Limits};
use tenure_core::{
    Command, UserName,
    trust::{Rights, TrustChange},
};
use tenure_raft::tls::{ClusterAuthority, Credentials, Identity, Role};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// A served fake node, and an administrator's identity for it.
pub struct Served {
    pub fake: Arc<Fake>,
    pub address: SocketAddr,
    pub authority: ClusterAuthority,
    pub admin: Identity,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Served {
    pub async fn start(site: Site) -> Self {
        Self::start_within(Limits::default(), site).await
    }

    pub async fn start_within(limits: Limits, site: Site) -> Self {
        Self::start_as(("p1", 1), limits, ClusterAuthority::create("site").unwrap(), site).await
    }

    /// Another node of the same cluster, that can be reached by who knows this one.
    pub async fn start_beside(&self, name: &'static str, id: u64, site: Site) -> Self {
        let other = Self::start_as((name, id), Limits::default(), self.authority.clone(), site).await;
        self.fake.addresses.lock().unwrap().insert(name.into(), other.address);
        other
    }

    async fn start_as((name, id): (&str, u64), limits: Limits, authority: ClusterAuthority, site: Site) -> Self {
        let node = Credentials::new(authority.issue(name, Role::Node { id }).unwrap()).unwrap();
        let admin = authority.issue("admin", Role::User { id: 0 }).unwrap();
        let applied = watch::Sender::new(site.ledger.index);
        let fake = Arc::new(Fake {
            me: name.into(),
            addresses: Mutex::default(),
            site: Arc::new(Mutex::new(site)),
            mood: Mutex::default(),
            idle: Mutex::default(),
            unreached: Mutex::default(),
            audit: Mutex::default(),
            levels: Mutex::default(),
            leaderless_answers: AtomicUsize::default(),
            admits: AtomicBool::new(true),
            applied,
            authority: authority.clone(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let served = {
            let (fake, stop) = (Arc::clone(&fake) as Arc<dyn Backend>, stop.clone());
            async move { tenure::api::serve_within(limits, listener, node, fake, stop).await }
        };
        Served { fake, address, authority, admin, stop, task: tokio::spawn(served) }
    }

    /// Lets in another administrator.
    pub fn another(&self, name: &str) -> Identity {
        self.with_rights(name, tenure_core::trust::Role::Administrator)
    }

    /// Lets in another user with this role.
    pub fn with_rights(&self, name: &str, role: tenure_core::trust::Role) -> Identity {
        let user = UserName::from(name);
        let change = TrustChange::AddUser { user: user.clone(), rights: Rights { role, ..Rights::ALL } };
        self.fake.site().operator(Command::Request(change.into()));
        let id = self.fake.site().ledger.trust.users[&user].id;
        self.authority.issue(name, Role::User { id }).unwrap()
    }

    /// Stops serving and waits for the end.
    pub async fn stop(self) -> Arc<Fake> {
        self.stop.cancel();
        self.task.await.unwrap();
        self.fake
    }
}
