//! What a round over all servers of an HMC costs.

use futures::future::join_all;
use tenure::hypervisor::{Hypervisor, ServerAddress, Urgency};

use crate::server::{MTMS, PATIENCE, ScriptedHmc, driver, server, soon};
use crate::site::Site;

const SERVERS: usize = 8;

#[tokio::test]
async fn what_an_hmc_says_of_all_systems_is_asked_once_in_a_round() {
    let servers: Vec<String> = (0..SERVERS).map(|number| format!("9009-42A*000000{number:X}")).collect();
    let site = Site::with_server(MTMS, &["web"]);
    servers.iter().for_each(|mtms| site.add_server(mtms, &["db"]));
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, here) = (driver(&[&hmc]), server(&[&hmc]));
    let address = |mtms: &String| ServerAddress { mtms: mtms.clone(), ..here.clone() };
    let addresses: Vec<ServerAddress> = servers.iter().map(address).collect();
    for urgency in [Urgency::Round, Urgency::Order] {
        // Not known in the first round: the states before the lists. They are asked for once or twice.
        for (round, states) in [(1, 2..=3), (2, 1..=1), (3, 1..=1)] {
            let counts = || ["-r 'sys'", "lssysconn", "-r 'lpar'"].map(|command| hmc.shared.commands(command).len());
            let before = counts();
            let round_of = addresses.iter().map(|server| driver.read(server, urgency, PATIENCE));
            for reading in soon(join_all(round_of)).await {
                assert!(reading.unwrap().is_live());
            }
            let after = counts();
            let [systems, links, lists] = [0, 1, 2].map(|at| after[at] - before[at]);
            assert_eq!((links, lists), (1, SERVERS), "round {round} {urgency:?}");
            let known = round > 1 || urgency == Urgency::Order;
            assert!(if known { systems == 1 } else { states.contains(&systems) }, "round {round}: {systems}");
        }
    }
}

/// The others of a round do not wait for one that hangs for as long as it does.
#[tokio::test]
async fn a_list_that_hangs_does_not_keep_the_others_back_for_ever() {
    let other = "9009-42A*7654321";
    let site = Site::with_server(MTMS, &["web"]);
    site.add_server(other, &["db"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (driver, here) = (driver(&[&hmc]), server(&[&hmc]));
    let there = ServerAddress { mtms: other.to_owned(), ..here.clone() };
    driver.read_server(&here, PATIENCE).await.unwrap();
    hmc.shared.misbehave(&format!("-r 'lpar' -m '{MTMS}'"), crate::server::Fault::Hang);
    tokio::select! {
        hung = driver.read(&here, Urgency::Order, PATIENCE) => panic!("{hung:?}"),
        read = soon(driver.read(&there, Urgency::Order, PATIENCE)) => assert!(read.unwrap().is_live()),
    }
}
