//! What is said to a slip of the hand: the place, the reason, and the next step; the exit code is that of the mistake.

use super::{
    commands::Desk,
    fake::{SITE, Site},
};
use tenure::cli::Exit;

/// A name that does not exist is no answer to "what would happen".
#[tokio::test]
async fn a_plan_about_something_that_does_not_exist_is_refused() {
    let desk = Desk::new(Site::running()).await;
    for (line, message) in [
        ("plan --lose p9", "there is no server p9"),
        ("plan --drain p9", "there is no server p9"),
        ("plan --switch web:p9", "there is no server p9"),
        ("plan --switch nosuch:p1", "there is no group nosuch"),
        ("plan --migrate nosuch:p1", "there is no group nosuch"),
        ("plan --online nosuch", "there is no group nosuch"),
        ("plan --offline nosuch", "there is no group nosuch"),
    ] {
        let ended = desk.run(line).await;
        assert_eq!((ended.exit, ended.out.as_str()), (Exit::Refused, ""), "{line}: {}", ended.err);
        assert!(ended.err.starts_with(&format!("error: {message}\nnext: ")), "{line}: {}", ended.err);
    }
    // A file may bring what there is not yet.
    let file = desk.write(&format!("{SITE}\n[groups.new]\nservers = [\"p1\"]\n\n[lpars.new1]\ngroup = \"new\"\npartition = \"new1\"\nmemory = \"1GiB\"\nprocessors = \"0.1\"\n"));
    let ended = desk.run(&format!("plan --apply {file} --offline new")).await;
    assert_eq!(ended.exit, Exit::Done, "{}{}", ended.out, ended.err);
    desk.served.stop().await;
}

/// Nobody is asked to confirm what does not exist.
#[tokio::test]
async fn a_question_about_something_that_does_not_exist_is_not_put() {
    let desk = Desk::new(Site::running()).await;
    for (line, message) in [
        ("fence confirm p9", "there is no server p9"),
        ("fence confirm-node p9", "there is no node p9"),
        ("server shutdown p9", "there is no server p9"),
        ("node remove p9", "there is no node p9"),
    ] {
        for answer in [None, Some("p9\n")] {
            let ended = desk.answer(line, answer).await;
            assert_eq!((ended.exit, ended.out.as_str()), (Exit::Refused, ""), "{line}: {}", ended.err);
            assert!(ended.err.starts_with(&format!("error: {message}\n")), "{line}: {}", ended.err);
        }
    }
    desk.served.stop().await;
}

#[tokio::test]
async fn a_server_that_is_in_no_quarantine_is_said_to_be_in_none() {
    let desk = Desk::new(Site::running()).await;
    let ended = desk.run("server release p1").await;
    assert_eq!((ended.exit, ended.out.as_str()), (Exit::Done, "nothing to do: server p1 is not in quarantine\n"));
    desk.served.stop().await;
}
