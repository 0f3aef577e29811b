//! A cluster of machines keeps an address, a file system and nginx online through faults. A client requests the page
//! continuously; its outage is printed for each case. At no time do two machines serve, or have the file system
//! mounted.

use super::{PATIENCE, again, alone, can_run, runtime, say, site};
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};
use tenure::api::{
    Read,
    wire::{GroupStatus, GroupView, ServerStatus, Verb},
};
use tenure_jepsen::machines::{Asker, Machine, Site, Watch, Web, What};

/// Tight, but feasible for a host with two processors that runs everything.
const TIMINGS: &str = "\n[timings]\nheartbeat = \"100ms\"\nsuspect = \"400ms\"\nlease = \"600ms\"\nmonitor = \"1s\"\n\
                       settle = \"1s\"\n\n[brakes]\nflaps = 0\n";
const RESOURCE: &str = "monitor_interval = \"300ms\"\noffline_monitor_interval = \"2s\"\nstart_timeout = \"20s\"\n\
                        stop_timeout = \"20s\"\nrestart_limit = 5\n";
/// Kills master and workers.
const KILL_NGINX: &str = "kill -9 $(cat /run/web/nginx.pid); pkill -9 -x nginx; true";
/// Maximum outage of the client in every case here.
const OUTAGE: Duration = Duration::from_secs(15);

struct Case {
    site: Site,
    asker: Asker,
    watch: Watch,
    _client: Machine,
}

#[test]
fn the_service_outlives_what_is_done_to_its_machines() {
    if !can_run("the_service_outlives_what_is_done_to_its_machines") {
        return;
    }
    let _alone = alone();
    runtime().block_on(async {
        let began = Instant::now();
        let case = Case::start().await;
        say!("the service runs after {:?}", began.elapsed());
        let result = case.all().await;
        if result.is_err() || std::env::var_os("TENURE_SHOW_LOGS").is_some() {
            case.show_logs();
        }
        result.expect("every case ends well");
        let (looks, longest) = case.watch.pace();
        say!("all cases: {:?}; {looks} looks at each machine, at most {longest:?} apart", began.elapsed());
    });
}

type Outcome = Result<(), String>;

impl Case {
    async fn start() -> Case {
        let site = site().await;
        let names: Vec<&str> = site.machines().iter().map(Machine::name).collect();
        let web = site.web();
        let text = site.cluster_file() + &web.declaration(&names, "", RESOURCE) + &hanging(&site) + TIMINGS;
        site.declare(text).await.expect("declared");
        let client = site.yard.machine("client", 90, &[]);
        client.boot().expect("it boots");
        let asker = Asker::start(&client, web.address()).expect("a client");
        let watch = Watch::start(site.machines(), web);
        Case { site, asker, watch, _client: client }
    }

    async fn all(&self) -> Outcome {
        self.whole("the service starts").await?;
        self.switch().await?;
        self.crash_of_nginx().await?;
        self.unmount().await?;
        self.address_taken_away().await?;
        self.address_added_elsewhere().await?;
        self.agent_hangs().await?;
        self.power_off().await?;
        self.kill_of_the_processes().await?;
        let trouble = self.site.trouble();
        if trouble.is_empty() { Ok(()) } else { Err(format!("the harness: {trouble:?}")) }
    }

    /// An operator switches the group to another server.
    async fn switch(&self) -> Outcome {
        let from = self.active().await?;
        let to = if from == "p2" { "p3" } else { "p2" };
        let began = Instant::now();
        let ask = Verb::Switch { group: "web".into(), server: to.into() };
        self.site.ask(ask).await.map_err(|why| format!("switch: {why:?}"))?;
        self.served_by("clean switch", began, |by| by == to).await?;
        self.close("clean switch", began).await
    }

    /// nginx is restarted in place.
    async fn crash_of_nginx(&self) -> Outcome {
        let on = self.active().await?;
        self.mended("crash of nginx", &on, KILL_NGINX).await
    }

    /// The file system is unmounted below nginx, which has open files on it.
    async fn unmount(&self) -> Outcome {
        let on = self.active().await?;
        let directory = self.web().directory().display().to_string();
        self.mended("unmount behind its back", &on, &format!("umount -l {directory}")).await
    }

    async fn address_taken_away(&self) -> Outcome {
        let on = self.active().await?;
        let line = format!("ip address del {}/24 dev eth0", self.web().address());
        self.mended("address taken away by hand", &on, &line).await
    }

    /// A second copy of the address is added by hand, which nobody can prevent. The service must not move, and no
    /// second one may be started because of it.
    async fn address_added_elsewhere(&self) -> Outcome {
        let on = self.active().await?;
        let other = if on == "p1" { "p2" } else { "p1" };
        let began = Instant::now();
        let address = format!("{}/24", self.web().address());
        self.run(other, &format!("ip address add {address} dev eth0"))?;
        // Long enough for several looks of its agents on the other machine too.
        self.until("its agents have looked again", || began.elapsed() > Duration::from_secs(5)).await?;
        self.run(other, &format!("ip address del {address} dev eth0 2>/dev/null || true"))?;
        let started = self.watch.first_since(began, What::Serves, &on);
        if let Some(event) = started {
            return Err(format!("address added elsewhere: {} serves too", event.machine));
        }
        // The client's neighbour table may point to the wrong machine for a while.
        self.served_by("address added elsewhere", began, |by| by == on).await?;
        self.close("address added elsewhere by hand", began).await
    }

    /// An agent of another group hangs, so that the state of its resource is unknown: that group waits and is started
    /// nowhere. The service stays protected meanwhile.
    async fn agent_hangs(&self) -> Outcome {
        let odd = self.group("odd").await.and_then(|group| group.server).ok_or("the group odd is nowhere")?;
        let on = self.active().await?;
        let flag = format!("{}-{odd}", self.flag());
        fs::write(&flag, "").map_err(|why| why.to_string())?;
        let began = Instant::now();
        let waits = async || self.group("odd").await.is_some_and(|group| group.wait.is_some());
        self.until_async("the group of the agent that hangs waits", waits).await?;
        say!("agent that hangs: its group waits after {:?}", began.elapsed());
        let restarts = self.restarts().await?;
        let began = Instant::now();
        self.run(&on, KILL_NGINX)?;
        self.restarted("crash of nginx while an agent hangs", restarts).await?;
        let elsewhere = self.site.machines().iter().filter(|machine| machine.name() != odd);
        let started = |machine: &Machine| machine.path(Path::new("/run/hang-hang")).is_ok_and(|file| file.exists());
        let second: Vec<&str> = elsewhere.filter(|machine| started(machine)).map(Machine::name).collect();
        fs::remove_file(&flag).map_err(|why| why.to_string())?;
        if !second.is_empty() {
            return Err(format!("what the agent that hangs keeps was started on {second:?}"));
        }
        self.close("crash of nginx while an agent hangs", began).await
    }

    async fn power_off(&self) -> Outcome {
        let on = self.active().await?;
        let began = Instant::now();
        self.site.power_off(&on).map_err(|why| why.to_string())?;
        self.served_by("power-off", began, |by| by != on).await?;
        self.site.boot(&on).map_err(|why| why.to_string())?;
        self.close("power-off of the active machine", began).await
    }

    /// Addresses and mounts stay: nobody may start the service elsewhere before the machine is cut off.
    async fn kill_of_the_processes(&self) -> Outcome {
        let on = self.active().await?;
        let fenced = self.site.fenced(&on).map_err(|why| why.to_string())?;
        let began = Instant::now();
        self.site.kill_processes(&on).map_err(|why| why.to_string())?;
        self.served_by("kill -9", began, |by| by != on).await?;
        if self.site.fenced(&on).map_err(|why| why.to_string())? == fenced {
            return Err(format!("{on} was not cut off, and another has started what it had"));
        }
        if !self.site.machine(&on).map_err(|why| why.to_string())?.is_on() {
            self.site.boot(&on).map_err(|why| why.to_string())?;
        }
        self.close("kill -9 of the process tree", began).await
    }

    /// Waits until everything is online again, prints the outage, and checks all observations for violations.
    async fn close(&self, what: &str, began: Instant) -> Outcome {
        self.whole(what).await?;
        self.say(what, began);
        let outage = self.asker.outage_since(began);
        let violations = self.watch.violations();
        match (violations.is_empty(), outage < OUTAGE) {
            (true, true) => Ok(()),
            (false, _) => Err(format!("{what}: {violations:?}")),
            (true, false) => Err(format!("{what}: an outage of {outage:?}")),
        }
    }

    fn say(&self, what: &str, began: Instant) {
        say!("{what}: outage of the client {} ms", self.asker.outage_since(began).as_millis());
    }

    async fn whole(&self, what: &str) -> Outcome {
        let whole = async || {
            let Ok(status) = self.site.client.status(Read::Linearizable).await else { return false };
            let groups = status.groups.iter().all(|group| group.state == GroupStatus::Online);
            let partial = status.groups.iter().any(|group| group.name == "web" && !group.flags.is_empty());
            !partial
                && groups
                && status.servers.iter().all(|server| server.state == ServerStatus::Ready)
                && status.orders.is_empty()
        };
        let whole = self.until_async(&format!("{what}: all is well again"), whole).await;
        whole?;
        let now = Instant::now();
        self.served_by(what, now, |_| true).await
    }

    async fn active(&self) -> Result<String, String> {
        let now = Instant::now();
        self.served_by("before the next case", now, |_| true).await?;
        self.asker.served_since(now).ok_or_else(|| "nobody serves".to_owned())
    }

    async fn served_by(&self, what: &str, since: Instant, by: impl Fn(&str) -> bool) -> Outcome {
        self.until(what, || self.asker.served_since(since).is_some_and(|machine| by(&machine))).await
    }

    /// Breaks something of the service by a command, and waits until the cluster has mended it in place.
    async fn mended(&self, what: &str, on: &str, line: &str) -> Outcome {
        let restarts = self.restarts().await?;
        let began = Instant::now();
        self.run(on, line)?;
        self.restarted(what, restarts).await?;
        self.close(what, began).await
    }

    /// How often resources of the service were restarted in place.
    async fn restarts(&self) -> Result<u32, String> {
        let status = self.site.client.status(Read::Linearizable).await.map_err(|why| format!("{why:?}"))?;
        Ok(status.resources.iter().filter(|resource| resource.group == "web").map(|resource| resource.restarts).sum())
    }

    /// Waits until the cluster has seen that something was down, which may be before the client notices, and the client has
    /// the page.
    async fn restarted(&self, what: &str, before: u32) -> Outcome {
        let seen = async || self.restarts().await.is_ok_and(|now| now > before);
        self.until_async(&format!("{what}: it is restarted"), seen).await?;
        let now = Instant::now();
        self.served_by(&format!("{what}: it is back"), now, |_| true).await
    }

    async fn group(&self, name: &str) -> Option<GroupView> {
        let status = self.site.client.status(Read::Linearizable).await.ok()?;
        status.groups.into_iter().find(|group| group.name == name)
    }

    fn run(&self, machine: &str, line: &str) -> Outcome {
        let machine = self.site.machine(machine).map_err(|why| why.to_string())?;
        machine.run(["sh", "-c", line]).map(drop).map_err(|why| format!("{why:?}"))
    }

    fn web(&self) -> &Web {
        self.site.web()
    }

    fn flag(&self) -> String {
        flag(&self.site)
    }

    async fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) -> Outcome {
        self.until_async(what, async || is_so()).await
    }

    async fn until_async(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Outcome {
        let began = Instant::now();
        while !is_so().await {
            if began.elapsed() > PATIENCE {
                let groups =
                    self.site.client.status(Read::Linearizable).await.map(|status| (status.groups, status.waits));
                return Err(format!(
                    "{what}: not within {PATIENCE:?}; violations {:?}; {groups:#?}",
                    self.watch.violations()
                ));
            }
            again();
        }
        Ok(())
    }

    /// Prints the last lines of every node's log.
    fn show_logs(&self) {
        for machine in self.site.machines() {
            let log = self.site.log(machine.name());
            let lines: Vec<&str> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(100)..];
            eprintln!("--- the end of what {} wrote:\n{}", machine.name(), tail.join("\n"));
        }
    }
}

/// A group of one agent that hangs on request.
fn hanging(site: &Site) -> String {
    format!(
        "\n[groups.odd]\nservers = [\"p3\", \"p2\", \"p1\"]\nrestart_limit = 0\n\n[resources.hang]\ngroup = \"odd\"\n\
         type = \"ocf:test:hang\"\nattributes = {{ flag = \"{}\" }}\nmonitor_interval = \"500ms\"\n\
         monitor_timeout = \"500ms\"\nmonitor_timeouts = 2\nstart_timeout = \"10s\"\nstop_timeout = \"10s\"\n",
        flag(site)
    )
}

fn flag(site: &Site) -> String {
    site.yard.directory().join("hang").display().to_string()
}
