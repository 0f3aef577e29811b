//! The role for Ansible, on three machines that are directories: it founds, joins and applies, and a second run changes nothing.

use crate::{
    nodes::said,
    operations::{Site, trial},
};
use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};
use tenure_jepsen::needs;

const PLAYBOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/ansible/site.yml");

/// The inventory: what is different here from three machines with systemd.
fn inventory(site: &Site) -> String {
    let directory = site.directory.path().display();
    let mut text = "[tenure]\n".to_owned();
    for machine in &site.machines {
        let root = machine.root.display();
        let name = machine.name();
        text.push_str(&format!(
            "{name} ansible_host={} tenure_etc={root}/etc/tenure tenure_data={root}/var/lib/tenure machine={root}\n",
            machine.address
        ));
    }
    text + &format!(
        "[tenure:vars]\nansible_connection=local\nansible_become=false\n\
         tenure_client={directory}/bin/tenure\ntenure_identity={directory}/p1/etc/tenure/admin\n\
         tenure_settings='[agents]\\nrun_dir = \"{{{{ machine }}}}/run\"'\n\
         tenure_start='PATH={directory}/bin:$PATH MACHINE={{{{ machine }}}} systemctl enable --now tenured'\n\
         tenure_runs='kill -0 $(cat {{{{ machine }}}}/pids/*)'\n"
    )
}

fn play(site: &Site, more: &[&str]) -> Output {
    let directory = site.directory.path();
    let mut command = Command::new("ansible-playbook");
    command.args(["-i", "hosts.ini", PLAYBOOK]).args(more).current_dir(directory).stdin(Stdio::null());
    command.env("ANSIBLE_LOCAL_TEMP", directory.join("ansible")).env("ANSIBLE_REMOTE_TEMP", directory.join("ansible"));
    command.env("ANSIBLE_NOCOLOR", "1").env("ANSIBLE_ROLES_PATH", Path::new(PLAYBOOK).with_file_name("roles"));
    command.env("LC_ALL", "C.UTF-8").env("ANSIBLE_PYTHON_INTERPRETER", "auto_silent");
    command.output().expect("ansible-playbook runs")
}

/// The numbers of the recap, such as those of `changed=`.
fn recap(output: &Output, what: &str) -> Vec<u32> {
    let text = said(output);
    let (_, recap) = text.split_once("PLAY RECAP").unwrap_or_else(|| panic!("{text}"));
    let number = |line: &str| line.split(&format!("{what}=")).nth(1)?.split_whitespace().next()?.parse().ok();
    recap.lines().filter_map(number).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_founds_joins_and_applies_and_then_changes_nothing() {
    let test = "the_role_founds_joins_and_applies_and_then_changes_nothing";
    if !needs::met(test, "ANSIBLE", needs::programs(&["ansible-playbook"])) {
        return;
    }
    let site = Site::bare();
    let directory = site.directory.path();
    fs::write(directory.join("hosts.ini"), inventory(&site)).expect("a file");
    fs::write(directory.join("site.toml"), trial()).expect("a file");
    let file = format!("tenure_site={}/site.toml", directory.display());
    let first = play(&site, &["-e", &file]);
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    site.until("tenure status", "quorum 3 of 3").await;
    let members = site.machines[0].does("tenure node list --output json");
    let members: serde_json::Value = serde_json::from_str(&members).expect("members");
    let voters = members["members"].as_array().expect("a list").iter().filter(|one| one["voter"] == true).count();
    assert_eq!(voters, 3, "{}", said(&first));
    site.until("tenure group list --state online --output json", "\"web\"").await;
    assert!(site.machines.iter().all(|machine| !machine.root.join("etc/tenure/token").exists()), "tokens are used");

    let second = play(&site, &["-e", &file]);
    assert_eq!(second.status.code(), Some(0), "{}", said(&second));
    assert_eq!((recap(&second, "changed"), recap(&second, "failed")), (vec![0; 3], vec![0; 3]), "{}", said(&second));

    // Another cluster file is applied; another configuration of a running node is told, and nothing is restarted.
    fs::write(directory.join("site.toml"), trial().replace("1s", "2s")).expect("a file");
    let third = play(&site, &["-e", &file, "-e", "{\"tenure_settings\": \"\"}"]);
    assert_eq!(third.status.code(), Some(0), "{}", said(&third));
    assert!(said(&third).contains("tenured on p2 runs on with what it had"), "{}", said(&third));
    assert!(site.machines[0].does("tenure export").contains("monitor_interval = \"2s\""));
    drop(site);
}
