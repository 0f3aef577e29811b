//! A world of a given size, and the cluster file for it.

use super::ScaleArgs;
use crate::world::{HmcSpec, LparSpec, ServerSpec, Span, WorldSpec};
use std::fmt::Write;

/// The names of LPARs begin so.
pub const LPAR: &str = "lpar";
/// Memory of an LPAR, in MiB.
const MEMORY: u64 = 1024;
/// Processing units of an LPAR, in hundredths.
const PROCESSORS: u32 = 10;
/// Time from activation to a running operating system.
const BOOT: Span = Span::seconds(2);

fn server_name(number: usize) -> String {
    format!("p{}", number + 1)
}

/// The servers of the list of an LPAR: its home, and some others. What is at home on one server is at home next on all others.
fn list(args: &ScaleArgs, lpar: usize) -> Vec<String> {
    let servers = usize::from(args.servers);
    let (home, others) = (lpar % servers, usize::from(args.list).min(servers) - 1);
    let other = |next: usize| (home + 1 + (lpar / servers + next) % (servers - 1)) % servers;
    std::iter::once(home).chain((0..others).map(other)).map(server_name).collect()
}

/// Servers with room for twice the LPARs that they have; every LPAR runs on its home.
pub fn world(args: &ScaleArgs) -> WorldSpec {
    let (count, each) = (usize::from(args.servers), u64::from(args.lpars.div_ceil(args.servers.into())));
    let servers: Vec<ServerSpec> = (0..count)
        .map(|n| ServerSpec {
            memory: 32_768 + each * MEMORY * 2,
            processors: 1_000 + u32::try_from(each).unwrap_or(u32::MAX / 100) * PROCESSORS * 2,
            ..ServerSpec::new(server_name(n), format!("7A{n:05}"))
        })
        .collect();
    let nodes = servers.iter().map(|server| LparSpec::management(format!("node-{}", server.name), &server.name));
    let work = (0..args.lpars as usize).map(|n| {
        let list = list(args, n);
        LparSpec {
            memory: MEMORY,
            processors: PROCESSORS,
            boot: BOOT,
            running_on: list.first().cloned(),
            ..LparSpec::new(format!("{LPAR}{n}"), list)
        }
    });
    WorldSpec {
        keep_history: true,
        hmcs: (1..=args.hmcs).map(|n| HmcSpec::new(format!("hmc{n}"))).collect(),
        lpars: nodes.chain(work).collect(),
        servers,
        ..WorldSpec::default()
    }
}

/// The cluster file: one group for each LPAR, and all settings but the names as they are by default.
pub fn cluster_file(args: &ScaleArgs, spec: &WorldSpec) -> String {
    let mut text = String::from("name = \"scale\"\n");
    for n in 1..=args.hmcs {
        let _ = write!(
            text,
            "\n[managers.hmc{n}]\nkind = \"hmc\"\naddress = \"@hmc{n}.address@\"\nuser = \"tenure\"\nhost_key = \"@hmc{n}.host_key@\"\n"
        );
    }
    for (number, server) in spec.servers.iter().enumerate() {
        let (name, mtms, manager) = (&server.name, server.mtms(), number % usize::from(args.hmcs) + 1);
        let _ = write!(
            text,
            "\n[servers.{name}]\nmanagers = [\"hmc{manager}\"]\naddress = {{ system = \"{name}\", mtms = \"{mtms}\" }}\nmemory = \"{}MiB\"\n\n\
             [nodes.{name}]\nserver = \"{name}\"\nlpar = \"node-{name}\"\n",
            server.memory - 16_384
        );
    }
    for n in 0..args.lpars as usize {
        let list: Vec<String> = list(args, n).iter().map(|server| format!("\"{server}\"")).collect();
        let _ = write!(
            text,
            "\n[groups.g{n}]\npriority = {}\nservers = [{}]\n\n[lpars.{LPAR}{n}]\ngroup = \"g{n}\"\npartition = \"{LPAR}{n}\"\nmemory = \"{MEMORY}MiB\"\n",
            n % 100 + 1,
            list.join(", ")
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::scale::ScaleArgs;

    #[test]
    fn the_file_declares_what_the_world_has() {
        let args = ScaleArgs { servers: 5, lpars: 12, hmcs: 2, list: 3, rest: 1, json: None, program: None };
        let spec = world(&args);
        let file = cluster_file(&args, &spec);
        let file = file.replace("@hmc1.address@", "127.0.0.1:22").replace("@hmc2.address@", "127.0.0.2:22");
        let key = "SHA256:YoWpiIOQWTZUKzqiJOJXcdLtL1sOz3vIBuoUEbrtZH0";
        let file = file.replace("@hmc1.host_key@", key).replace("@hmc2.host_key@", key);
        let cluster = tenure_config::cluster::parse("scale.toml", &file).expect("a cluster");
        assert_eq!((cluster.servers.len(), cluster.groups.len(), cluster.managers.len()), (5, 12, 2));
        assert!(spec.lpars.iter().all(|lpar| lpar.running_on.as_ref() == lpar.servers.first()));
        // The LPARs of p1 have three others to go to first.
        let of_p1 = spec.lpars.iter().filter(|lpar| lpar.servers.first().is_some_and(|home| home == "p1"));
        let next: std::collections::BTreeSet<_> = of_p1.filter_map(|lpar| lpar.servers.get(1)).collect();
        assert_eq!(next.len(), 3);
    }
}
