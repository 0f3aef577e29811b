//! The lab: try Tenure on this machine.

use clap::Parser;
use tenure_jepsen::lab::*;

#[derive(Parser)]
enum A {
    Node(NodeArgs),
    Up,
}

fn main() -> std::process::ExitCode {
    match A::parse() {
        A::Node(args) => run_node(&args),
        A::Up => {
            let rt = tokio::runtime::Runtime::new().unwrap();
            rt.block_on(async {
                let options = SiteOptions { servers: 3, arbiter: false, hmcs: 1, directory: "/tmp/lab1".into(), cluster_file: None, program: None };
                let site = Site::start(options, &mut |s| println!("{s}")).await;
                match site {
                    Ok(mut site) => {
                        for (n, a) in site.api_addresses() { println!("{n} {a}"); }
                        let mut len = site.world.history_length();
                        loop { len.changed().await.unwrap(); site.follow_world().unwrap(); }
                    }
                    Err(e) => { let mut s: &dyn std::error::Error = &e; loop { println!("{s}"); match s.source() { Some(x) => s = x, None => break } } }
                }
            });
            std::process::ExitCode::SUCCESS
        }
    }
}
