//! The network between nodes: calls to every node pass through a relay that can be cut.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, SocketAddr},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::task::AbortOnDropHandle;

/// Relays between nodes. A cut swallows data, as a cut cable does, and breaks old connections when it is healed.
#[derive(Debug, Default)]
pub struct Network {
    cut: watch::Sender<BTreeSet<IpAddr>>,
    relays: BTreeMap<IpAddr, SocketAddr>,
    tasks: Vec<AbortOnDropHandle<()>>,
}

impl Network {
    /// Starts a relay on `front` for the node that listens on `node`; returns the address for the other nodes.
    pub async fn relay(&mut self, front: IpAddr, node: SocketAddr) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind((front, 0)).await?;
        let address = listener.local_addr()?;
        self.relays.insert(node.ip(), address);
        let cut = self.cut.subscribe();
        let relay = async move {
            // Connections end with the relay: their tasks belong to it.
            let mut connections = tokio::task::JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        if let Ok((stream, from)) = accepted {
                            connections.spawn(connection(stream, from.ip(), node, cut.clone()));
                        }
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        };
        self.tasks.push(AbortOnDropHandle::new(tokio::spawn(relay)));
        Ok(address)
    }

    /// Cuts a node off from all others.
    pub fn cut(&self, node: IpAddr) {
        self.cut.send_modify(|cut| {
            cut.insert(node);
        });
    }

    /// Mends every cut.
    pub fn heal(&self) {
        self.cut.send_modify(BTreeSet::clear);
    }

    /// The nodes that are cut off.
    pub fn cuts(&self) -> BTreeSet<IpAddr> {
        self.cut.borrow().clone()
    }
}

async fn connection(mut caller: TcpStream, from: IpAddr, node: SocketAddr, cut: watch::Receiver<BTreeSet<IpAddr>>) {
    let severed = |cut: &BTreeSet<IpAddr>| cut.contains(&from) || cut.contains(&node.ip());
    let mut watched = cut.clone();
    if severed(&cut.borrow()) {
        let _ = watched.wait_for(|cut| !severed(cut)).await;
        return;
    }
    let Ok(mut callee) = TcpStream::connect(node).await else { return };
    let _ = (caller.set_nodelay(true), callee.set_nodelay(true));
    tokio::select! {
        _ = copy_bidirectional(&mut caller, &mut callee) => return,
        _ = watched.wait_for(severed) => {}
    }
    // Both ends stay open and receive nothing until the cut is healed: then the old connection breaks.
    let _ = watched.wait_for(|cut| !severed(cut)).await;
}
