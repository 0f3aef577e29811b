//! Ready-made worlds: the one of the demonstration, in any size.

use super::spec::{HmcSpec, LparSpec, ServerSpec, WorldSpec};
use super::time::Span;

/// Size of a ready-made world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DemoOptions {
    /// Servers `p1`, `p2`, …, each with two VIO servers and a management LPAR `node-p1`, ….
    pub servers: usize,
    /// Managed LPARs, each defined on every server and active on none. The first seven have telling names.
    pub lpars: usize,
    /// Consoles `hmc1`, `hmc2`, ….
    pub hmcs: usize,
}

impl Default for DemoOptions {
    fn default() -> Self {
        DemoOptions { servers: 3, lpars: 7, hmcs: 1 }
    }
}

const NAMES: [&str; 7] = ["db", "app", "web", "mail", "erp", "batch", "test"];

impl WorldSpec {
    /// The world of the demonstration: boots take 0.8 to 1.5 seconds, servers start their own VIO servers and management
    /// LPARs, and nothing else.
    pub fn demo(options: DemoOptions) -> Self {
        let servers: Vec<ServerSpec> =
            (1..=options.servers).map(|n| ServerSpec::new(format!("p{n}"), format!("7A{n:05}"))).collect();
        let names: Vec<String> = servers.iter().map(|server| server.name.clone()).collect();
        let nodes = names.iter().map(|server| LparSpec::management(format!("node-{server}"), server));
        let work = (0..options.lpars).map(|n| LparSpec {
            memory: 16_384,
            processors: 100,
            boot: Span::millis(800 + 100 * (n as u64 % 8)),
            ..LparSpec::new(NAMES.get(n).map_or_else(|| format!("lpar{}", n + 1), |name| (*name).into()), &names)
        });
        WorldSpec {
            keep_history: true,
            hmcs: (1..=options.hmcs).map(|n| HmcSpec::new(format!("hmc{n}"))).collect(),
            lpars: nodes.chain(work).collect(),
            servers,
            ..WorldSpec::default()
        }
    }
}
