//! Who may do what, at the port of the API: all requests with all kinds of identity.

use super::{
    agents::inside,
    fake::{Served, Site},
};
use reqwest::{Method, StatusCode};
use std::time::Duration;
use tenure::api::{
    Client, Read,
    wire::{ErrorView, TokenBody, UserBody},
};
use tenure_core::trust::Role as UserRole;
use tenure_raft::tls::{Identity, Role, Trust, Validity, client_config, client_config_anonymous};

const PATIENCE: Duration = Duration::from_secs(10);
/// The digits of a request's identity but for the last one.
const ID: &str = "0000000000000000000000000000000";

/// What a request takes, in the order of the identities in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Needs {
    Nothing,
    User,
    Operator,
    Administrator,
    Programs,
}

use Needs::{Administrator, Nothing, Operator, Programs, User};

/// Every path of the API, with a request that is not refused for any other reason than who asks.
fn requests() -> Vec<(Needs, Method, &'static str, String)> {
    let id = ID;
    let ask = |n: u8, ask: &str| format!(r#"{{"request_id":"{id}{n:x}","ask":{ask}}}"#);
    let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
    let none = String::new;
    vec![
        (Nothing, get.clone(), "/v1/ca", none()),
        (
            Nothing,
            post.clone(),
            "/v1/join",
            r#"{"token":"x","node":"p5","csr_pem":"","address":"","api_address":""}"#.into(),
        ),
        (Nothing, post.clone(), "/v1/enrol", r#"{"token":"x","csr_pem":""}"#.into()),
        (User, get.clone(), "/v1/status", none()),
        (User, get.clone(), "/v1/groups/web/why", none()),
        (User, get.clone(), "/v1/groups/web/why-not?on=p2", none()),
        (User, post.clone(), "/v1/what-if", r#"{"what":[]}"#.into()),
        (User, get.clone(), "/v1/capacity", none()),
        (User, get.clone(), "/v1/rolling", none()),
        (User, get.clone(), "/v1/config", none()),
        (User, get.clone(), "/v1/members", none()),
        (User, get.clone(), "/v1/events", none()),
        (User, get.clone(), "/v1/resources/ip", none()),
        (User, get.clone(), "/v1/agents", none()),
        (User, get.clone(), "/v1/agents/ocf:heartbeat:IPaddr2", none()),
        (User, get.clone(), "/v1/hmcs", none()),
        (User, get.clone(), "/v1/whoami", none()),
        (User, get.clone(), "/v1/audit", none()),
        (User, get.clone(), "/v1/users", none()),
        (User, get.clone(), "/v1/users/admin", none()),
        (User, get.clone(), "/v1/authority", none()),
        (User, post.clone(), "/v1/certificate", r#"{"csr_pem":""}"#.into()),
        (User, post.clone(), "/v1/tokens", r#"{"session":{}}"#.into()),
        (Operator, post.clone(), "/v1/requests", ask(1, r#"{"freeze":{"group":"web"}}"#)),
        (Operator, post.clone(), "/v1/requests", ask(2, r#"{"drain":{"server":"p2"}}"#)),
        (Operator, post.clone(), "/v1/leader", r#"{"to":"p2"}"#.into()),
        (Operator, post.clone(), "/v1/hmcs/hmc1/check", "null".into()),
        (Operator, get.clone(), "/v1/resources/ip/info?on=p1", none()),
        (Operator, get, "/v1/log?lines=3", none()),
        (Operator, post.clone(), "/v1/nodes/p2/log", r#"{"level":"debug","lasts_ms":600000}"#.into()),
        (Administrator, post.clone(), "/v1/requests", ask(3, r#"{"disarm":{}}"#)),
        (Administrator, post.clone(), "/v1/requests", ask(4, r#"{"confirm_off":{"server":"p2"}}"#)),
        (
            Administrator,
            post.clone(),
            "/v1/config",
            format!(r#"{{"request_id":"{id}5","text":"name = \"x\"","strand":true}}"#),
        ),
        (Administrator, post.clone(), "/v1/check", r#"{"text":"name = \"x\""}"#.into()),
        (Administrator, post.clone(), "/v1/check-managers", r#"{"text":"name = \"x\""}"#.into()),
        (Administrator, post.clone(), "/v1/nodes/p4/promote", "null".into()),
        (Administrator, post.clone(), "/v1/nodes/p4/stop", "null".into()),
        (Administrator, post.clone(), "/v1/level", r#"{"level":2}"#.into()),
        (Administrator, delete.clone(), "/v1/nodes/p4", "null".into()),
        (Administrator, post.clone(), "/v1/users", r#"{"name":"eve","role":"reader"}"#.into()),
        (Administrator, put, "/v1/users/nobody", r#"{"name":"nobody","role":"reader"}"#.into()),
        (Administrator, delete.clone(), "/v1/users/nobody", "null".into()),
        (Administrator, post.clone(), "/v1/users/nobody/renew", "null".into()),
        (Administrator, post.clone(), "/v1/tokens", r#"{"user":"operator"}"#.into()),
        (Programs, post.clone(), "/v1/tokens", r#"{"node":"p9"}"#.into()),
        (Programs, post.clone(), "/v1/authority", "null".into()),
        (Programs, delete, "/v1/authority/ab?even_if_used=true", "null".into()),
        (Programs, post.clone(), "/v1/nodes", r#"{"name":"p9","address":"p9:1"}"#.into()),
        (Administrator, post.clone(), "/v1/backup", format!(r#"{{"request_id":"{id}6"}}"#)),
        (Programs, post.clone(), "/v1/backup/restore", format!(r#"{{"request_id":"{id}7","backup":""}}"#)),
        (Programs, post, "/v1/resources/ip/actions", r#"{"token":"pause","arguments":[],"on":"p1"}"#.into()),
    ]
}

/// Who comes with a certificate that is not valid is not even heard.
const TLS: &str = "no connection";

/// Somebody, and the most that they may do.
struct Somebody {
    who: &'static str,
    may: Needs,
    /// Why nothing but what needs nothing is answered.
    out: &'static str,
    http: reqwest::Client,
    bearer: Option<String>,
}

fn http(identity: Option<&Identity>, ca_pem: &str) -> reqwest::Client {
    let tls = match identity {
        Some(identity) => client_config(identity).unwrap(),
        None => client_config_anonymous(&Trust::Authority(ca_pem.to_owned())).unwrap(),
    };
    reqwest::Client::builder().tls_backend_preconfigured((*tls).clone()).no_proxy().build().unwrap()
}

async fn everybody(served: &Served, admin: &Client) -> Vec<Somebody> {
    let issue = |name: &str, role| served.authority.issue(name, role).unwrap();
    let add = async |name: &str, role, programs| {
        let body = UserBody { name: name.to_owned(), role, groups: None, programs };
        admin.user_add(&body).await.unwrap();
        let id = admin.user(name, Read::Stale).await.unwrap().id;
        (id, issue(name, Role::User { id }))
    };
    let (_, reader) = add("reader", UserRole::Reader, true).await;
    let (_, operator) = add("operator", UserRole::Operator, false).await;
    let (_, administrator) = add("administrator", UserRole::Administrator, false).await;
    let (_, removed) = add("removed", UserRole::Administrator, true).await;
    admin.user_remove("removed").await.unwrap();
    let (_, renewed) = add("renewed", UserRole::Administrator, true).await;
    admin.user_renew("renewed").await.unwrap();
    let (id, _) = add("expired", UserRole::Administrator, true).await;
    let now = std::time::SystemTime::now();
    let past = Validity { from: now - 2 * PATIENCE, until: now - PATIENCE };
    let expired = served.authority.issue_for("expired", Role::User { id }, past).unwrap();
    let session = Client::new(&operator, vec![served.address.to_string()], PATIENCE).unwrap();
    let token = session.token_for(&TokenBody::Session {}).await.unwrap().token;
    let ca = &served.admin.ca_pem;
    let with =
        |who, may, out, identity: &Identity| Somebody { who, may, out, http: http(Some(identity), ca), bearer: None };
    let bearer =
        |who, may, out, token: &str| Somebody { who, may, out, http: http(None, ca), bearer: Some(token.to_owned()) };
    vec![
        Somebody { who: "nobody", may: Nothing, out: "no_certificate", http: http(None, ca), bearer: None },
        with("a member", Nothing, "not_a_user", &issue("p1", Role::Node { id: 1 })),
        with("a learner", Nothing, "not_a_user", &issue("p4", Role::Node { id: 4 })),
        with("a node that is no member", Nothing, "not_a_user", &issue("p7", Role::Node { id: 7 })),
        with("a node by the name of a user", Nothing, "not_a_user", &issue("admin", Role::Node { id: 1 })),
        with("a user who was removed", Nothing, "not_a_user", &removed),
        with("an earlier certificate of a user", Nothing, "not_a_user", &renewed),
        with("a user whose certificate has expired", Nothing, TLS, &expired),
        with("somebody who never was a user", Nothing, "not_a_user", &issue("mallory", Role::User { id: 0 })),
        bearer("a made-up session", Nothing, "bad_token", "abc"),
        bearer("the token of a session", Operator, "", &token),
        with("a reader", User, "", &reader),
        with("an operator", Operator, "", &operator),
        with("an administrator", Administrator, "", &administrator),
        with("the first administrator", Programs, "", &served.admin),
    ]
}

#[tokio::test]
async fn all_requests_with_all_kinds_of_identity() {
    let (mut tried, mut let_through) = (0, 0);
    let mut table = String::new();
    for (needs, method, path, body) in requests() {
        // Each request meets a cluster of its own, so that none is refused for what another has changed.
        let served = Served::start(Site::running_from(0, &inside())).await;
        let admin = Client::new(&served.admin, vec![served.address.to_string()], PATIENCE).unwrap();
        for somebody in everybody(&served, &admin).await {
            let url = format!("https://{}{path}", served.address);
            let mut request = somebody.http.request(method.clone(), url);
            if !body.is_empty() {
                // Each asks anew: a request that is repeated is answered from memory.
                let body = body.replacen(ID, &format!("{tried:031}"), 1);
                request = request.header("content-type", "application/json").body(body);
            }
            if let Some(token) = &somebody.bearer {
                request = request.bearer_auth(token);
            }
            let answer = match request.send().await {
                Err(why) => {
                    assert_eq!(somebody.out, TLS, "{method} {path} by {}: {why:?}", somebody.who);
                    assert!(format!("{why:?}").contains("CertificateExpired"), "{why:?}");
                    table.push_str(&format!("{method} {path} by {}: no connection\n", somebody.who));
                    tried += 1;
                    continue;
                }
                Ok(answer) => answer,
            };
            assert_ne!(somebody.out, TLS, "{method} {path} by {}", somebody.who);
            let status = answer.status();
            let code = match status.is_success() {
                true => None,
                false => answer.json::<ErrorView>().await.unwrap().code,
            };
            let expected = match (somebody.may >= needs, somebody.out) {
                (true, _) => None,
                (false, "") => Some("not_allowed"),
                (false, out) => Some(out),
            };
            let who_is_refused = ["not_a_user", "not_allowed", "no_certificate", "not_its_business"];
            let refused = code.as_deref().filter(|code| {
                who_is_refused.contains(code) || (*code == "bad_token" && status == StatusCode::FORBIDDEN)
            });
            table.push_str(&format!("{method} {path} by {}: {status} {code:?}\n", somebody.who));
            assert_eq!(refused, expected, "{method} {path} {body} by {}: {status} {code:?}", somebody.who);
            tried += 1;
            let_through += u32::from(refused.is_none());
        }
        served.stop().await;
    }
    println!("{table}{tried} requests, {let_through} not refused for who asked");
}

/// A path that is added to the API is added to the table above.
#[test]
fn the_table_has_every_path() {
    let sources = [
        include_str!("../../src/api/router.rs"),
        include_str!("../../src/api/router/agent.rs"),
        include_str!("../../src/api/router/hmc.rs"),
        include_str!("../../src/api/router/backup.rs"),
        include_str!("../../src/api/router/log.rs"),
        include_str!("../../src/api/router/trust.rs"),
    ];
    let literal = |text: &'static str| text.split('"').filter(|part| part.starts_with("/v1/")).collect::<Vec<_>>();
    let declared: Vec<&str> = sources.into_iter().flat_map(literal).collect();
    assert!(declared.len() > 25, "{declared:?}");
    let tried = requests();
    for path in declared {
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |tried: &str| {
            let tried: Vec<&str> = tried.split('?').next().unwrap_or_default().split('/').collect();
            tried.len() == parts.len() && tried.iter().zip(&parts).all(|(a, b)| a == b || b.starts_with('{'))
        };
        assert!(tried.iter().any(|(_, _, tried, _)| fits(tried)), "{path} is not in the table");
    }
}

#[tokio::test]
async fn a_user_has_a_key_certified_and_may_do_what_was_given() {
    let served = Served::start(Site::running()).await;
    let nodes = vec![served.address.to_string()];
    let admin = Client::new(&served.admin, nodes.clone(), PATIENCE).unwrap();
    let groups = Some(vec!["web".to_owned()]);
    let bob = UserBody { name: "bob".to_owned(), role: UserRole::Operator, groups, programs: false };
    admin.user_add(&bob).await.unwrap();
    let token = admin.token_for(&TokenBody::User("bob".to_owned())).await.unwrap();
    assert_eq!(token.whose, "bob");

    let request = Identity::request("bob").unwrap();
    let stranger = Client::anonymous(&Trust::Authority(served.admin.ca_pem.clone()), nodes.clone(), PATIENCE).unwrap();
    let enrol = tenure::api::wire::EnrolRequest { token: token.token, csr_pem: request.csr_pem.clone() };
    let reply = stranger.enrol(&enrol).await.unwrap();
    let signed = tenure_raft::tls::Signed { cert_pem: reply.cert_pem, ca_pem: reply.ca_pem };
    let bob = Client::new(&request.complete(signed).unwrap(), nodes, PATIENCE).unwrap();
    let me = bob.whoami().await.unwrap();
    assert_eq!((me.name.as_str(), me.role, me.groups), ("bob", UserRole::Operator, Some(vec!["web".to_owned()])));

    let freeze = |group: &str| tenure_core::Verb::Freeze { group: group.into(), terms: Default::default() };
    bob.request(Client::request_id(), freeze("web")).await.unwrap();
    let refused = bob.request(Client::request_id(), freeze("db")).await.unwrap_err().view();
    assert_eq!(refused.code.as_deref(), Some("not_allowed"));
    assert_eq!(refused.message, "bob may not operate group db");
    admin.user_remove("bob").await.unwrap();
    assert_eq!(bob.status(Read::Stale).await.unwrap_err().view().code.as_deref(), Some("not_a_user"));
    assert!(served.fake.audit.lock().unwrap().iter().any(|line| line.starts_with("bob is refused: GET /v1/status")));
    served.stop().await;
}
