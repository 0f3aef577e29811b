//! `tenure backup`: saved, shown and restored, and what is refused.

use super::{
    commands::{Desk, command},
    fake::{Served, Site},
};
use std::{fs, os::unix::fs::PermissionsExt};
use tenure::{backup, cli::Exit, local::identity};

#[tokio::test]
async fn a_backup_is_saved_for_its_owner_shown_offline_and_restored_into_an_empty_cluster() {
    let desk = Desk::new(Site::running()).await;
    desk.run("group freeze web").await;
    desk.run("server freeze p2").await;
    let file = desk.directory().join("site.backup");
    let name = file.display().to_string();
    let saved = desk.run(&format!("backup save {name}")).await;
    assert_eq!((saved.exit, saved.err.as_str()), (Exit::Done, ""));
    assert!(saved.out.contains("cluster site") && saved.out.contains("written by p1"), "{}", saved.out);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);

    // Nobody is asked for what is in it.
    let shown = command(&format!("backup show {name}"), "127.0.0.1:9", desk.directory(), None).await;
    assert_eq!(shown.exit, Exit::Done, "{}", shown.err);
    assert!(shown.out.contains("frozen:                 web\n"), "{}", shown.out);
    assert!(shown.out.contains("servers frozen:         p2\n"), "{}", shown.out);
    let json = desk.run(&format!("backup show {name} --output json")).await.json();
    assert_eq!((&json["frozen"][0], &json["servers_frozen"][0]), (&"web".into(), &"p2".into()));

    let refused = desk.run(&format!("backup restore {name} --yes-i-checked site")).await;
    assert_eq!(refused.exit, Exit::Refused);
    assert!(refused.err.contains("something is declared in this cluster already"), "{}", refused.err);
    let unsure = desk.run(&format!("backup restore {name}")).await;
    assert!(unsure.exit == Exit::Usage && unsure.err.contains("--yes-i-checked site"), "{}", unsure.err);
    let mistyped = desk.answer(&format!("backup restore {name}"), Some("sight\n")).await;
    assert!(mistyped.exit == Exit::Refused && mistyped.out.contains("frozen:"), "{}", mistyped.out);
    desk.served.stop().await;

    let served = Served::start(Site::default()).await;
    let directory = tempfile::tempdir().unwrap();
    identity::save(directory.path(), identity::USER, &served.admin).unwrap();
    let node = served.address.to_string();
    let restored = command(&format!("backup restore {name}"), &node, directory.path(), Some("site\n")).await;
    assert_eq!(restored.exit, Exit::Done, "{}{}", restored.out, restored.err);
    assert!(restored.out.contains("the cluster is disarmed"), "{}", restored.out);
    let groups = command("group list --output json", &node, directory.path(), None).await.json();
    let web = groups.as_array().unwrap().iter().find(|group| group["name"] == "web").unwrap();
    assert_eq!((&web["frozen"], &web["server"]), (&true.into(), &serde_json::Value::Null));
    let audit = served.fake.audit.lock().unwrap().join("\n");
    assert!(audit.contains("admin: backup restore "), "{audit}");
    served.stop().await;
}

#[tokio::test]
async fn what_is_no_backup_is_refused_with_the_reason() {
    let desk = Desk::new(Site::running()).await;
    let file = desk.directory().join("site.backup");
    let name = file.display().to_string();
    desk.run(&format!("backup save {name}")).await;
    let mut bytes = fs::read(&file).unwrap();
    assert!(backup::open(&bytes).is_ok());
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    for (bytes, why) in [(&b"name = \"site\""[..], "does not begin as one"), (&bytes[..], "its checksum does not fit")]
    {
        fs::write(&file, bytes).unwrap();
        for line in ["show", "restore"] {
            let ended = desk.run(&format!("backup {line} {name}")).await;
            assert_eq!(ended.exit, Exit::Usage);
            assert!(ended.err.contains(why) && ended.err.contains("next: use another backup"), "{}", ended.err);
        }
    }
    let missing = desk.run("backup show /nonexistent/site.backup").await;
    assert!(missing.exit == Exit::Usage && missing.err.contains("No such file"), "{}", missing.err);
    let nowhere = desk.run("backup save /nonexistent/site.backup").await;
    assert!(nowhere.exit == Exit::Usage && nowhere.err.contains("write /nonexistent/site.backup"), "{}", nowhere.err);
    desk.served.stop().await;
}
