//! What stands outside all tables; managers, servers and nodes.

use super::SERVER;
use crate::{
    compound::{List, Map, Record},
    form::{Flag, Maybe, Memory, Name, Number, Processors, Time, Word},
    schema::{Field, field},
};
use tenure_core::config::{Address, Cluster, Hmc, Manager, Node, Server};

pub(crate) fn whole() -> Vec<Field<Cluster>> {
    vec![
        field!("name", Name("name"), Cluster, name)
            .says("Name of the cluster. No two clusters that share managers have the same.")
            .vcs("ClusterName")
            .example("\"site\"")
            .required(),
        field!("owner_mark", Flag, Cluster, owner_mark)
            .says("Whether an LPAR bears the mark of the cluster that manages it: its description at its manager reads `tenure:NAME`. It is marked before it is started, if its description is empty, and one with the mark of another cluster is left alone. [Needs a right](operations.md#two-clusters-and-whose-an-lpar-is) that Tenure does not need otherwise.")
            .example("true"),
    ]
}

/// A manager as it stands in the file. Today all are of one kind.
pub(crate) struct Draft {
    kind: Kind,
    hmc: Hmc,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hmc,
}

pub(crate) fn manager() -> Vec<Field<Draft>> {
    vec![
        field!("kind", Word(&[("hmc", Kind::Hmc)]), Draft, kind)
            .says("What it is: a hardware management console.")
            .example("\"hmc\"")
            .required(),
        field!("address", Name("host:port"), Draft, hmc.address)
            .says("Host name or address, with the SSH port.")
            .vcs("MCName of the LPAR agent")
            .example("\"hmc1.site:22\"")
            .required(),
        field!("user", Name("text"), Draft, hmc.user)
            .says("Its user for the cluster.")
            .vcs("MCUser")
            .example("\"tenure\"")
            .required(),
        field!("host_key", Name("fingerprint"), Draft, hmc.host_key)
            .says("Pinned SSH host key, as `ssh-keyscan HMC | ssh-keygen -lf -` prints it.")
            .example("\"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"")
            .required(),
    ]
}

/// A manager before its fields are read.
pub(crate) fn blank_manager() -> Draft {
    Draft { kind: Kind::Hmc, hmc: Hmc { address: String::new(), user: String::new(), host_key: String::new() } }
}

impl Draft {
    /// What it declares.
    pub(crate) fn finish(self) -> Manager {
        match self.kind {
            Kind::Hmc => Manager::Hmc(self.hmc),
        }
    }

    /// How a manager is written.
    pub(crate) fn of(manager: &Manager) -> Draft {
        match manager {
            Manager::Hmc(hmc) => Draft { kind: Kind::Hmc, hmc: hmc.clone() },
        }
    }
}

/// The address of a server as it stands in the file.
pub(crate) struct At {
    system: String,
    mtms: String,
}

pub(crate) fn address() -> Vec<Field<At>> {
    vec![
        field!("system", Name("text"), At, system)
            .says("Its name on the HMC.")
            .vcs("PhysicalServer")
            .example("\"Server-9009-42A-SN1234567\"")
            .required(),
        field!("mtms", Name("text"), At, mtms)
            .says("Machine type, model and serial number: how commands address it.")
            .example("\"9009-42A*1234567\"")
            .required(),
    ]
}

/// An address before its fields are read.
pub(crate) fn blank_address() -> At {
    At { system: String::new(), mtms: String::new() }
}

const ADDRESS: Record<At, Address> = Record {
    kind: "address",
    example: "address = { system = \"…\", mtms = \"…\" }",
    fields: address,
    blank: blank_address,
    finish: |at| Ok(Address::Hmc { system: at.system, mtms: at.mtms }),
    draft: |address| match address {
        Address::Hmc { system, mtms } => At { system: system.clone(), mtms: mtms.clone() },
    },
};

/// A server before its fields are read.
pub(crate) fn blank_server() -> Server {
    Server::new("", "", Vec::new())
}

pub(crate) fn server() -> Vec<Field<Server>> {
    vec![
        field!("managers", List(Name("manager")), Server, managers)
            .says("Who manages it, in the order of use. Nobody is needed if nothing on it is an LPAR: then it is neither read nor commanded from outside, and what is inside its node starts elsewhere only after a watchdog or an operator's word.")
            .vcs("MCName")
            .example("[\"hmc1\"]"),
        field!("address", Maybe(ADDRESS), Server, address)
            .says("What it is to its managers. Required with `managers`.")
            .example("{ system = \"Server-9009-42A-SN1234567\", mtms = \"9009-42A*1234567\" }"),
        field!("surrogate", Flag, Server, surrogate)
            .says("Whether nodes elsewhere may manage it while it has no node of its own.")
            .example("true"),
        field!("memory", Maybe(Memory), Server, memory)
            .says("Memory for managed LPARs; unlimited if absent.")
            .vcs("Capacity (Mem)")
            .example("\"512GiB\""),
        field!("processors", Maybe(Processors), Server, processors)
            .says("Processing units for managed LPARs; unlimited if absent.")
            .vcs("Capacity (CPU)")
            .example("\"40\""),
        field!("units", Maybe(Number), Server, units)
            .says("Abstract units of load; unlimited if absent.")
            .vcs("Capacity (Units)")
            .example("100"),
        field!("limits", Map("name", Number), Server, limits)
            .says("Named amounts that the `prerequisites` of groups take. A name that is absent is none.")
            .vcs("Limits")
            .example("{ licences = 4 }"),
        field!("zone", Maybe(Name("zone")), Server, zone)
            .says("The zone that it lies in; servers without one lie together.")
            .vcs("SystemZones of the groups")
            .example("\"east\""),
    ]
}

pub(crate) fn node() -> Vec<Field<Node>> {
    vec![
        field!("server", Maybe(SERVER), Node, server)
            .says("The server that it lives on. Without one it is an arbiter: it votes and hosts nothing.")
            .vcs("PhysicalServer of the system")
            .example("\"p1\""),
        field!("lpar", Maybe(Name("text")), Node, lpar)
            .says("What its own LPAR is called where its server is managed; never a managed LPAR.")
            .example("\"mgmt1\""),
        field!("watchdog", Maybe(Time), Node, watchdog)
            .says("It has a watchdog device (`watchdog` in its `tenured.toml`) that resets it when nobody has fed it for so long: what lives inside it may then start elsewhere that long after its last lease, without a word from a manager. At least `stand_down` and the stop timeouts along the longest chain of each group that may live there.")
            .example("\"5m\""),
    ]
}
