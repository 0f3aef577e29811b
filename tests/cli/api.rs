//! The API and its client.

use super::fake::{Mood, SITE, Served, Site};
use std::time::Duration;
use tenure::api::{
    Client, ClientError, Read,
    wire::{ErrorKind, ErrorView, JoinRequest, SubjectView},
};
use tenure_core::Verb;
use tenure_raft::tls::{ClusterAuthority, Identity, Role, Trust};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const PATIENCE: Duration = Duration::from_secs(10);

fn client(served: &Served) -> Client {
    Client::new(&served.admin, vec![served.address.to_string()], PATIENCE).unwrap()
}

fn offline(group: &str) -> Verb {
    Verb::Offline { group: group.into(), propagate: false }
}

#[tokio::test]
async fn what_is_asked_is_done_and_seen() {
    let served = Served::start(Site::running()).await;
    let client = client(&served);
    let before = client.status(Read::Linearizable).await.unwrap();
    assert_eq!((before.cluster.as_str(), before.leader.as_deref()), ("site", Some("p1")));
    let web = |view: &tenure::api::wire::StatusView| view.groups.iter().find(|one| one.name == "web").cloned().unwrap();
    assert_eq!((web(&before).state.as_str(), web(&before).server.as_deref()), ("online", Some("p1")));

    let ask = Verb::Switch { group: "web".into(), server: "p2".into() };
    let outcome = client.request(Client::request_id(), ask).await.unwrap();
    assert!(outcome.index > before.index);
    assert_eq!(outcome.records[0].text, "group web: switch to p2, asked by admin");
    let after = client.status(Read::Stale).await.unwrap();
    assert!(after.stale);
    assert_eq!((web(&after).state.as_str(), web(&after).server.as_deref()), ("online", Some("p2")));

    let why = client.why("web", 3, Read::Linearizable).await.unwrap();
    assert_eq!((why.records.len(), why.more), (3, true));
    assert!(why.records[0].index >= why.records[2].index, "newest first");
    served.stop().await;
}

#[tokio::test]
async fn a_repeated_request_is_applied_once() {
    let served = Served::start(Site::running()).await;
    let client = client(&served);
    let id = Client::request_id();
    let first = client.request(id, offline("web")).await.unwrap();
    let again = client.request(id, offline("web")).await.unwrap();
    assert_eq!(first, again);
    let other = client.request(Client::request_id(), offline("web")).await.unwrap_err();
    assert_eq!((other.kind(), other.to_string().as_str()), (ErrorKind::Refused, "group web is already offline"));
    served.stop().await;
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let served = Served::start(Site::running()).await;
    let client = client(&served);
    let view = client.request(Client::request_id(), offline("nothing")).await.unwrap_err().view();
    assert_eq!(view.kind, ErrorKind::Refused);
    assert_eq!(view.message, "there is no group nothing");
    assert_eq!(view.suggestion.as_deref(), Some("see `tenure status`"));
    let about = |kind: &str, name: &str| Some(Box::new(SubjectView { kind: kind.to_owned(), name: name.to_owned() }));
    assert_eq!((view.code.as_deref(), view.subject), (Some("no_group"), about("group", "nothing")));
    let view = client.why("nothing", 1, Read::Linearizable).await.unwrap_err().view();
    assert_eq!(view.message, "there is no group nothing");
    let view = client.node_promote("p9").await.unwrap_err().view();
    assert_eq!((view.message.as_str(), view.kind), ("p9 is not a member", ErrorKind::Refused));
    assert_eq!(
        (view.code.as_deref(), view.suggestion.as_deref()),
        (Some("no_node"), Some("add it first: `tenure node add`"))
    );
    served.stop().await;
}

/// Messages are not split at semicolons: reason and advice come from separate fields.
#[test]
fn no_sentence_is_taken_apart() {
    use tenure::api::Failure;
    use tenure_core::Rejection;
    let says =
        Rejection::new("agent", "no such device; the first of 2; see its log").advise("see `tenure resource show ip`");
    let view = Failure::from(says).view();
    assert_eq!(view.message, "no such device; the first of 2; see its log");
    assert_eq!(view.suggestion.as_deref(), Some("see `tenure resource show ip`"));
    let node = || "p1".into();
    let alive = tenure_core::Refusal::NodeSpeaks { node: node(), server: "p1".into() };
    assert_eq!(alive.message(), "node p1 on server p1 is heard; a server whose node speaks is not off");
    assert_eq!((alive.advice(), alive.subject().map(|node| node.kind())), (None, Some("node")));
    let frozen = tenure_core::Refusal::Frozen { group: "web".into() };
    assert_eq!(frozen.to_string(), "group web is frozen; `tenure group unfreeze web` first", "as a log line");
    let view = Failure::from(&frozen).view();
    assert_eq!((view.code.as_deref(), view.message.as_str()), (Some("frozen"), "group web is frozen"));
    assert_eq!(view.suggestion.as_deref(), Some("`tenure group unfreeze web` first"));
}

#[tokio::test]
async fn a_cluster_file_is_checked_again_where_it_arrives() {
    let served = Served::start(Site::running()).await;
    let client = client(&served);
    let present = client.config(Read::Linearizable).await.unwrap();
    let configure = async |id, text: &str, expect| client.configure(id, text.to_owned(), false, expect).await;
    let wrong = SITE.replace("\"5m\"", "\"5 days\"");
    let view = configure(Client::request_id(), &wrong, None).await.unwrap_err().view();
    assert_eq!(view.kind, ErrorKind::Usage);
    assert_eq!((view.problems.len(), view.problems[0].line), (1, 34));

    let right = SITE.replace("\"5m\"", "\"6m\"");
    let id = Client::request_id();
    let expect = Some(present.configured);
    configure(id, &right, expect).await.unwrap();
    // The same again has the same answer; another one was based on an older configuration.
    configure(id, &right, expect).await.unwrap();
    let late = configure(Client::request_id(), SITE, expect).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Refused);
    assert!(late.to_string().starts_with("the configuration changed meanwhile"), "{late}");
    served.stop().await;
}

#[tokio::test]
async fn a_cluster_file_whose_tolerance_cannot_be_proven_is_refused() {
    let served = Served::start(Site::running()).await;
    let client = client(&served);
    let configure = async |id, text: String| client.configure(id, text, false, None).await;
    let small = SITE.replace("memory = \"64GiB\"", "memory = \"24GiB\"");
    let demanding = small.clone() + "\n[tolerance]\nservers = 1\n";
    let view = configure(Client::request_id(), demanding.clone()).await.unwrap_err().view();
    assert_eq!(view.kind, ErrorKind::Refused);
    assert_eq!(view.message, "the loss of p1 would leave web without a place");
    assert_eq!(served.fake.audit.lock().unwrap().len(), 0, "it was not proposed");
    // A tolerance that only warns is applied, and so is one that can be proven.
    configure(Client::request_id(), demanding + "warn = true\n").await.unwrap();
    let id = Client::request_id();
    let roomy = SITE.to_owned() + "\n[tolerance]\nservers = 1\n";
    configure(id, roomy.clone()).await.unwrap();
    configure(id, roomy).await.unwrap();
    served.stop().await;
}

#[tokio::test]
async fn nobody_leads_or_nobody_answers() {
    let served = Served::start(Site::running()).await;
    let client = client(&served);
    served.fake.set_mood(Mood::Leaderless);
    let error = client.request(Client::request_id(), offline("web")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotLeader);
    assert!(client.status(Read::Linearizable).await.is_err());
    assert_eq!(client.status(Read::Stale).await.unwrap().leader, None);

    let nodes = vec!["127.0.0.1:1".to_owned(), "no address".to_owned()];
    let lost = Client::new(&served.admin, nodes, PATIENCE).unwrap();
    let error = lost.status(Read::Linearizable).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable(_)), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1 (Connection refused"), "{error}");
    served.stop().await;
}

#[tokio::test]
async fn a_dead_node_is_passed_over() {
    let served = Served::start(Site::running()).await;
    let nodes = vec!["127.0.0.1:1".to_owned(), served.address.to_string()];
    let client = Client::new(&served.admin, nodes, PATIENCE).unwrap();
    client.request(Client::request_id(), offline("web")).await.unwrap();
    served.stop().await;
}

#[tokio::test]
async fn a_change_without_an_answer_is_unknown_and_can_be_repeated() {
    let served = Served::start(Site::running()).await;
    served.fake.set_mood(Mood::Mute);
    let other = Served::start(Site::running()).await;
    let nodes = vec![served.address.to_string(), other.address.to_string()];
    let hasty = Client::new(&served.admin, nodes, Duration::from_millis(500)).unwrap();
    let id = Client::request_id();
    let error = hasty.request(id, offline("web")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unknown, "{error}");
    let advice = error.view().suggestion.unwrap();
    assert!(advice.ends_with(&format!("--request-id {:032x}", id.0)), "{advice}");
    assert_eq!(other.fake.audit.lock().unwrap().len(), 0, "it was not tried elsewhere");

    served.fake.set_mood(Mood::Well);
    client(&served).request(id, offline("web")).await.unwrap();
    let offlines = client(&served).events(0, Read::Linearizable).await.unwrap();
    assert_eq!(offlines.iter().filter(|record| record.text.contains("offline, asked")).count(), 1);
    served.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn without_a_certificate_there_is_only_the_way_in() {
    let served = Served::start(Site::running()).await;
    let nodes = vec![served.address.to_string()];
    let trust = Trust::Fingerprints(vec![served.authority.fingerprint().unwrap()]);
    let stranger = Client::anonymous(&trust, nodes.clone(), PATIENCE).unwrap();
    let error = stranger.status(Read::Stale).await.unwrap_err();
    assert_eq!(error.view().message, "a client certificate of this cluster is needed");
    assert!(stranger.events(0, Read::Stale).await.is_err());
    assert!(stranger.request(Client::request_id(), offline("web")).await.is_err());

    let request = Identity::request("p5").unwrap();
    let mut join = JoinRequest {
        token: "guess".to_owned(),
        node: "p5".to_owned(),
        csr_pem: request.csr_pem.clone(),
        address: "p5.site:7100".to_owned(),
        api_address: "p5.site:7101".to_owned(),
    };
    let error = stranger.join(&join).await.unwrap_err();
    assert_eq!(error.view().message, "the token is not known");
    join.token = "t0ken".to_owned();
    let reply = stranger.join(&join).await.unwrap();
    let signed = tenure_raft::tls::Signed { cert_pem: reply.cert_pem, ca_pem: reply.ca_pem };
    let p5 = request.complete(signed).unwrap();
    // That is good among nodes, and nowhere else.
    let node = Client::new(&p5, nodes, PATIENCE).unwrap();
    let refused = node.request(Client::request_id(), offline("web")).await.unwrap_err();
    assert_eq!(refused.view().code.as_deref(), Some("not_a_user"));
    assert!(served.fake.audit.lock().unwrap().is_empty());
    served.stop().await;
}

#[tokio::test]
async fn another_cluster_is_not_believed_and_gets_nowhere() {
    let served = Served::start(Site::running()).await;
    let others = ClusterAuthority::create("site").unwrap();
    let mallory = others.issue("mallory", Role::User { id: 0 }).unwrap();
    let client = Client::new(&mallory, vec![served.address.to_string()], PATIENCE).unwrap();
    assert!(matches!(client.status(Read::Stale).await.unwrap_err(), ClientError::Unreachable(_)));
    // It trusts the server, but shows a foreign certificate.
    let mixed = Identity { ca_pem: served.admin.ca_pem.clone(), ..mallory };
    let client = Client::new(&mixed, vec![served.address.to_string()], PATIENCE).unwrap();
    assert!(client.status(Read::Stale).await.is_err());
    served.stop().await;
}

#[tokio::test]
async fn events_are_followed_over_broken_connections() {
    let served = Served::start(Site::running()).await;
    for server in ["p2", "p1", "p2", "p1"] {
        let ask = Verb::Switch { group: "web".into(), server: server.into() };
        client(&served).request(Client::request_id(), ask).await.unwrap();
    }
    let all = client(&served).events(0, Read::Linearizable).await.unwrap();
    assert!(all.len() > 20 && all.windows(2).all(|pair| pair[0].index <= pair[1].index));
    // A proxy that cuts the connection after a number of bytes, in the middle of a line.
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = proxy.local_addr().unwrap();
    let target = served.address;
    let cuts = tokio::spawn(async move {
        for cut in 0..3_usize {
            let (mut near, _) = proxy.accept().await.unwrap();
            let mut far = tokio::net::TcpStream::connect(target).await.unwrap();
            let (mut near_in, mut near_out) = near.split();
            let (far_in, mut far_out) = far.split();
            let limit = if cut < 2 { 6000 } else { u64::MAX };
            let mut limited = far_in.take(limit);
            tokio::select! {
                _ = tokio::io::copy(&mut near_in, &mut far_out) => {}
                _ = tokio::io::copy(&mut limited, &mut near_out) => {}
            }
            let _ = near.shutdown().await;
        }
    });
    let follower = Client::new(&served.admin, vec![address.to_string()], PATIENCE).unwrap();
    let mut follow = follower.follow(0);
    let mut seen = Vec::new();
    while seen.len() < all.len() {
        seen.push(follow.next().await.unwrap());
    }
    assert_eq!(seen, all, "no gap and no repetition");
    client(&served).request(Client::request_id(), offline("web")).await.unwrap();
    assert_eq!(follow.next().await.unwrap().text, "group web: offline, asked by admin");
    drop(follow);
    drop(follower);
    cuts.abort();
    served.stop().await;
}

#[tokio::test]
async fn nonsense_is_answered_and_size_is_bounded() {
    let served = Served::start(Site::running()).await;
    let tls = tenure_raft::tls::client_config(&served.admin).unwrap();
    let http = reqwest::Client::builder().tls_backend_preconfigured((*tls).clone()).no_proxy().build().unwrap();
    let post = async |path: &str, body: String| {
        let url = format!("https://{}{path}", served.address);
        let sent = http.post(url).header("content-type", "application/json").body(body).send().await.unwrap();
        let (status, error) = (sent.status().as_u16(), sent.json::<ErrorView>().await.unwrap());
        assert_eq!((status, error.kind), (400, ErrorKind::Usage), "{error:?}");
        error.message
    };
    let refused = async |path: &str, body: String, why: &str| {
        let message = post(path, body).await;
        assert!(message.contains(why), "{message}");
    };
    let id = "0".repeat(32);
    let ask = |id: &str, ask: &str| format!(r#"{{"request_id":"{id}","ask":{ask}}}"#);
    refused("/v1/requests", "{".to_owned(), "EOF while parsing").await;
    refused("/v1/requests", ask("1", r#"{"offline":{"group":"web"}}"#), "not 32 hexadecimal digits").await;
    refused("/v1/requests", ask(&id, r#"{"explode":{}}"#), "ask: unknown variant `explode`").await;
    refused("/v1/requests", ask(&id, r#"{"offline":{}}"#), "ask.offline: missing field `group`").await;
    let more = r#"{"offline":{"group":"web","x":1}}"#;
    refused("/v1/requests", ask(&id, more), "ask.offline.x: unknown field `x`, expected `group` or `propagate`").await;
    refused("/v1/requests", ask(&id, r#"{"offline":{"group":7}}"#), "ask.offline.group: invalid type").await;
    refused("/v1/requests", ask(&id, r#""offline""#), "ask").await;
    refused("/v1/requests", ask(&id, r#"{"disarm":{"group":"web"}}"#), "ask").await;
    refused("/v1/config", format!(r#"{{"request_id":"{id}","text":"","x":1}}"#), "x: unknown field `x`").await;
    refused("/v1/what-if", r#"{"what_if":[{"ask":{"drain":{}}}]}"#.to_owned(), "missing field `server`").await;
    refused("/v1/what-if", r#"{"what_if":[{"lose":{"servers":[],"x":1}}]}"#.to_owned(), "unknown field `x`").await;
    refused("/v2/requests", String::new(), "there is no such path").await;
    assert_eq!(served.fake.audit.lock().unwrap().len(), 0);
    served.stop().await;
}

#[tokio::test]
async fn who_says_nothing_is_let_go() {
    let served = Served::start(Site::running()).await;
    let silent_tcp = async {
        let mut socket = tokio::net::TcpStream::connect(served.address).await.unwrap();
        socket.read(&mut [0; 1]).await.unwrap_or(0)
    };
    let silent_tls = async {
        let tls = tokio_rustls::TlsConnector::from(tenure_raft::tls::client_config(&served.admin).unwrap());
        let socket = tokio::net::TcpStream::connect(served.address).await.unwrap();
        let mut stream = tls.connect("p1.tenure".try_into().unwrap(), socket).await.unwrap();
        stream.read(&mut [0; 1]).await.unwrap_or(0)
    };
    let both = tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(silent_tcp, silent_tls) }).await;
    assert_eq!(both.unwrap(), (0, 0), "both connections are closed by the server");
    served.stop().await;
}

#[tokio::test]
async fn a_stopping_server_lets_its_followers_go() {
    let served = Served::start(Site::running()).await;
    let client = Client::new(&served.admin, vec![served.address.to_string()], Duration::from_millis(600)).unwrap();
    let mut follow = client.follow(0);
    let all = served.fake.site().ledger.journal.len();
    for _ in 0..all {
        follow.next().await.unwrap();
    }
    let (stopped, end) = tokio::join!(tokio::time::timeout(Duration::from_secs(2), served.stop()), follow.next());
    assert!(stopped.is_ok(), "it stops before its patience ends");
    assert!(matches!(end.unwrap_err(), ClientError::Unreachable(_)));
}
