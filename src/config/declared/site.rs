//! What stands outside all tables; HMCs, servers and nodes.

use super::SERVER;
use crate::{
    compound::{List, Map},
    form::{Flag, Maybe, Memory, Name, Number, Processors, Time},
    schema::{Field, field},
};
use tenure_core::config::{Cluster, Hmc, Node, Server};

pub(crate) fn whole() -> Vec<Field<Cluster>> {
    vec![
        field!("name", Name("name"), Cluster, name)
            .says("Name of the cluster. No two clusters that share HMCs have the same.")
            .vcs("ClusterName")
            .example("\"site\"")
            .required(),
        field!("owner_mark", Flag, Cluster, owner_mark)
            .says("Whether an LPAR bears the mark of the cluster that manages it: its description on the HMC reads `tenure:NAME`. It is marked before it is started, if its description is empty, and one with the mark of another cluster is left alone. [Needs a right](operations.md#two-clusters-and-whose-an-lpar-is) that Tenure does not need otherwise.")
            .example("true"),
    ]
}

pub(crate) fn hmc() -> Vec<Field<Hmc>> {
    vec![
        field!("address", Name("host:port"), Hmc, address)
            .says("Host name or address, with the SSH port.")
            .vcs("MCName of the LPAR agent")
            .example("\"hmc1.site:22\"")
            .required(),
        field!("user", Name("text"), Hmc, user)
            .says("HMC user for the cluster.")
            .vcs("MCUser")
            .example("\"tenure\"")
            .required(),
        field!("host_key", Name("fingerprint"), Hmc, host_key)
            .says("Pinned SSH host key, as `ssh-keyscan HMC | ssh-keygen -lf -` prints it.")
            .example("\"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"")
            .required(),
    ]
}

/// A server before its fields are read.
pub(crate) fn blank_server() -> Server {
    Server::new("", "", Vec::new())
}

pub(crate) fn server() -> Vec<Field<Server>> {
    vec![
        field!("system", Name("text"), Server, system)
            .says("Its name on the HMC. Required with `hmcs`.")
            .vcs("PhysicalServer")
            .example("\"Server-9009-42A-SN1234567\""),
        field!("mtms", Name("text"), Server, mtms)
            .says("Machine type, model and serial number: how commands address it. Required with `hmcs`.")
            .example("\"9009-42A*1234567\""),
        field!("hmcs", List(Name("HMC")), Server, hmcs)
            .says("HMCs that manage it, in the order of use. None is needed if nothing on it is an LPAR: then it is neither read nor commanded from outside, and what is inside its node starts elsewhere only after a watchdog or an operator's word.")
            .vcs("MCName")
            .example("[\"hmc1\"]"),
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
            .says("Its own LPAR's name on the HMC; never a managed LPAR.")
            .example("\"mgmt1\""),
        field!("watchdog", Maybe(Time), Node, watchdog)
            .says("It has a watchdog device (`watchdog` in its `tenured.toml`) that resets it when nobody has fed it for so long: what lives inside it may then start elsewhere that long after its last lease, without an HMC. At least `concede` and the stop timeouts along the longest chain of each group that may live there.")
            .example("\"5m\""),
    ]
}
